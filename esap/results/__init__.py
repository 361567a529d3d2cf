"""What jobs made, as tables that can be paged, sorted, filtered and downloaded."""

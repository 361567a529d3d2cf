"""What an attacker would try, at the gateway as it stands, over HTTP."""

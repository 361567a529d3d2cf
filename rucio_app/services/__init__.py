"""What the data lake room does. Views and jobs call this; nothing here knows HTTP."""

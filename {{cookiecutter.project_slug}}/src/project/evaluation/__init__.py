"""What `evaluate.py` and `register.py` judge a model by."""

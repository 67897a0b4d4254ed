"""What `service.py` answers with: requests, answers, the guard before them, and which models are served."""

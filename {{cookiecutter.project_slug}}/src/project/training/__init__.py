"""What `train.py` is made of: the search, the fit, the export to ONNX, the record in MLflow."""

"""The requirement catalogue: one module a family, one function a requirement."""

"""The project: contracts in, a tracked and served model out. `dvc.yaml` names the stages in their order."""

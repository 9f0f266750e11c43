"""State dicts in files: .npz and safetensors."""

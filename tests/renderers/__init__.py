"""Card details in the Markdown renderers of real clients."""

"""The kinds of steps: thin functions that connect a typed input and a step's context to the engines below."""

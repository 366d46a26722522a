"""What a person (or a pipeline) sees: every text that the command line shows is laid out here.

Nothing is imported ahead of its use, because `builder plan` has 0.4 s for everything: ask the module that you need.

- `mode.choose_mode`, `renderer.make_renderer`: a sink for `core.events`, for a terminal, a CI log, or a pipeline
- `error.render_error`: an error that ends a command
- `plan.render_plan`, `plan.plan_json`: what would be done, and why
- `table.render_table`: aligned columns for results
- `report.render_report`: what `builder doctor` found
- `export`: the documentation and the JSON Schema of the events
"""

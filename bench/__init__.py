"""The benchmark: what forkwatch costs compared with native and other tools. `scripts/bench` runs it.

* `rows`: what is measured, one row each, with its target.
* `columns`: what it is measured under, one column each.
* `workloads/`: what a row runs: `compiled` programs of `programs/`, `commands`, `servers`.
* `building`: compiles what is measured; `inputs` makes what programs work on.
* `process`: one process, with a deadline.
* `rounds`: the order of the runs, and how often slow tools run.
* `results`: medians, ratios, targets; as JSON.
* `table`, `plot`: the results as text or Markdown, and as SVG.
* `machine`: the machine it was measured on.
* `command_line`: the options, and the order of all steps.

"""

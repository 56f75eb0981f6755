"""The benchmark: what forkwatch costs compared with native and other tools. `scripts/bench` runs it.

* `rows`: what is measured, a row each, with its target.
* `columns`: what it is measured under, a column each.
* `workloads/`: what a row runs: `compiled` programs of `programs/`, `commands`, `servers`.
* `building`: compiles what is measured; `inputs` makes what programs work on.
* `process`: one process, with a deadline.
* `rounds`: which run comes when; how often slow tools have their turn.
* `results`: medians, ratios, targets; as JSON.
* `table`, `plot`: the results for people, as text or Markdown, and as SVG.
* `machine`: where it was measured.
* `command_line`: the options, and the order of all this.

"""

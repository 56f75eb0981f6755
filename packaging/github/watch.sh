#!/usr/bin/env bash
# The step of action.yml: runs INPUT_RUN under forkwatch and reports what it found. The status is the command's own, else 1 if a
# finding is as bad as INPUT_FAIL_ON.
set -u

# GitHub shows ten annotations of a level for each step, and drops the rest without a word.
MOST_ANNOTATIONS=10

records=${RUNNER_TEMP:-/tmp}/forkwatch-records
rm -rf "$records"
mkdir -p "$records"
echo "records=$records" >>"${GITHUB_OUTPUT:-/dev/null}"

# Options are words: no quotes, no globs.
read -r -a options <<<"${INPUT_OPTIONS:-}"
[ -z "${INPUT_SUPPRESS:-}" ] || options+=(--suppress "$INPUT_SUPPRESS")
forkwatch run "${options[@]}" --log "$records/%e.%p.jsonl" -- bash -c "$INPUT_RUN"
status=$?

report=(forkwatch report)
[ -z "${INPUT_BASELINE:-}" ] || report+=(--baseline "$INPUT_BASELINE")
if [ -z "$(find "$records" -name '*.jsonl' -print -quit)" ]; then
    echo "forkwatch: no findings" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
    exit "$status"
fi
"${report[@]}" --format github --limit "$MOST_ANNOTATIONS" "$records"
# A summary may have a mebibyte; findings that do not fit are counted.
for limit in 100 20 5; do
    summary=$("${report[@]}" --format markdown --limit "$limit" "$records")
    [ ${#summary} -gt 1000000 ] || break
done
printf '%s\n' "$summary" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"

[ "$status" -eq 0 ] || exit "$status"
[ -z "${INPUT_FAIL_ON:-}" ] || "${report[@]}" --format json --fail-on "$INPUT_FAIL_ON" "$records" >/dev/null

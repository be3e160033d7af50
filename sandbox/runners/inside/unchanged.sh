# Runs a command. Where that left the workspace as it was, the workspace is dated back: a sign, for an engine on another
# machine, that there is nothing to copy. Code that forges the sign only loses what it wrote.
# The time is that of the last change of anything about a file, which nobody can set; the clock behind it ticks coarsely.
since=$(($(date +%s%N) - 20000000))
"$@"
code=$?
changed=$(find /workspace -newerct "@$((since / 1000000000)).$(printf %09d $((since % 1000000000)))" -print -quit 2>&1)
[ -n "$changed" ] || touch -d @946684800 /workspace
exit "$code"

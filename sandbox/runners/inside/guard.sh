# The first process in a container: runs the command, and kills all there is when the other end of stdin is gone.
# The first line is the secret of the reports: whatever stands in this process's own environment, all can read.
# Whoever else runs the command would have it in its environment, so this same process looks whether the workspace was
# left as it was, where $1 is `copied`. If so it dates it back: a sign that there is nothing to bring to Miracle's machine.
# Code that forges the sign only loses what it wrote. What counts is the time of the last change of anything about a file,
# which nobody can set; the clock behind it ticks coarsely.
copied=$1
shift
mkdir -p /tmp/home
exec 3<&0
IFS= read -r nonce <&3
[ -z "$nonce" ] || export MIRACLE_NONCE="$nonce"
[ -z "$copied" ] || since=$(($(date +%s%N) - 20000000))
"$@" </dev/null 3<&- &
unset MIRACLE_NONCE nonce
child=$!
(
  while read -r _ <&3; do :; done
  kill -s KILL -- -1
) >/dev/null 2>&1 &
exec 3<&-
wait "$child"
code=$?
if [ -n "$copied" ]; then
  since=$((since / 1000000000)).$(printf %09d $((since % 1000000000)))
  [ -n "$(find /workspace -newerct "@$since" -print -quit 2>&1)" ] || touch -d @946684800 /workspace
fi
exit $code

# The first process in a container: runs the command, and kills all there is when the other end of stdin is gone.
# The first line is the secret of the reports: whatever stands in this process's own environment, all can read.
mkdir -p /tmp/home
exec 3<&0
IFS= read -r nonce <&3
[ -z "$nonce" ] || export MIRACLE_NONCE="$nonce"
"$@" </dev/null 3<&- &
unset MIRACLE_NONCE nonce
child=$!
(
  while read -r _ <&3; do :; done
  kill -s KILL -- -1
) >/dev/null 2>&1 &
exec 3<&-
wait "$child"
exit $?

# Watches a workspace on an engine's own disk from a container of its own: $1 KiB and $2 files, of which no more may come.
# Whatever it says is the reason to stop what fills the disk. What is left on the whole disk is asked, which costs next to
# nothing; only when much of it went is the workspace measured.
exec 2>/dev/null
kib() { du -skx /workspace || echo unread; }
files() { du -sx --inodes /workspace || echo unread; }
left() { stat -f -c '%S %f %d %a' /workspace; }
number() { echo "${1%%[!0-9]*}"; }
k=$(number "$(kib)") n=$(number "$(files)")
set -- "$1" "$2" $(left)
size=$3 blocks=$4 nodes=$5
roomy=$(($6 / 1024 * size > 262144))
while sleep 0.3; do
  set -- "$1" "$2" $(left)
  if [ "$roomy" = 1 ] && [ $(($6 / 1024 * size)) -lt 262144 ]; then echo "The engine's disk runs full."; exit; fi
  [ $(((blocks - $4) / 1024 * size)) -gt $(($1 / 2)) ] || [ $((nodes - $5)) -gt $(($2 / 2)) ] || continue
  now=$(kib) many=$(files)
  case "$now $many" in *unread*) echo "The workspace holds folders that cannot be looked into."; exit ;; esac
  if [ $(($(number "$now") - ${k:-0})) -gt "$1" ]; then echo "More than $(($1 / 1024)) MB were written into the workspace."; exit; fi
  if [ $(($(number "$many") - ${n:-0})) -gt "$2" ]; then echo "More than $2 files were made in the workspace."; exit; fi
  blocks=$4 nodes=$5
done

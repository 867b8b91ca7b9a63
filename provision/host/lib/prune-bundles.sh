# Removes engines below /opt/tsmachine. $@: their versions. The mark goes first: what is left of a cut run is no engine.
cd "$TSM_ROOT/opt/tsmachine" || exit 1
for version in "$@"; do
  rm -f "./$version/.complete" && rm -rf "./$version" || exit 1
done

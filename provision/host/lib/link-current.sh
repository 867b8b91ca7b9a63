# Makes /opt/tsmachine/current point to a version in one step: there is always an engine behind it. $1: version.
cd "$TSM_ROOT/opt/tsmachine" || exit 1
ln -sfn "$1" .current-new && mv -fT .current-new current 2>/dev/null || ln -sfn "$1" current

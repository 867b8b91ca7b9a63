"""What cloud-init itself makes of user data on standard input, as JSON: the merged configuration and the other parts."""

import json
import sys
import tempfile

from cloudinit import handlers, helpers, user_data, util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler


class Collector(handlers.Handler):
    """Keeps the parts that are not configuration."""

    prefixes = ["#!", "#cloud-boothook", "## template: jinja", "#part-handler"]

    def __init__(self):
        handlers.Handler.__init__(self, "always", version=2)
        self.parts = []

    def handle_part(self, data, ctype, filename, payload, frequency):
        if ctype not in handlers.CONTENT_SIGNALS:
            self.parts.append([ctype, payload])


scratch = tempfile.mkdtemp()
paths = helpers.Paths({"cloud_dir": scratch, "run_dir": scratch})
paths.get_ipath = lambda name=None: "%s/%s" % (scratch, name)
message = user_data.UserDataProcessor(paths).process(sys.stdin.buffer.read())
config, other = CloudConfigPartHandler(paths), Collector()
content = helpers.ContentHandlers()
for handler in (config, other):
    content.register(handler)
    handlers.call_begin(handler, None, "always")
state = {"handlers": content, "handlerdir": scratch, "data": None, "frequency": "always", "handlercount": 0, "excluded": []}
handlers.walk(message, handlers.walker_callback, data=state)
handlers.call_end(config, None, "always")
with open("%s/cloud_config" % scratch) as file:
    print(json.dumps({"config": util.load_yaml(file.read()), "parts": other.parts, "faults": config.error_file_names}))

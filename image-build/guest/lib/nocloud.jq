# Turns one cloud-config document into lines of shell: a step's name and its quoted words. Read by lib/nocloud.
# Keys that are not ours are told, not refused: the same data serves every cloud image.

def words: map(tostring | @sh) | join(" ");
def step(name): "step_" + name + " " + words;
def true_text: tostring | ascii_downcase | . == "true" or . == "yes" or . == "on" or . == "1";
# Keys that the provider was given: they are for whoever logs in.
def public_key: if type == "array" then .[] elif type == "object" then (.[] | public_key) else tostring | split("\n")[] end
  | select(startswith("ssh-") or startswith("ecdsa-") or startswith("sk-"));

def known: ["hostname", "fqdn", "public-keys", "local-hostname", "instance-id", "users", "ssh_authorized_keys", "ssh_keys", "write_files",
  "mounts", "runcmd", "tsmachine", "manage_etc_hosts", "preserve_hostname", "ssh_pwauth", "disable_root", "ssh_deletekeys",
  "ssh_genkeytypes", "package_update", "package_upgrade", "growpart", "resize_rootfs", "final_message", "output"];

def hostname: .hostname // .fqdn // .["local-hostname"] // empty | [tostring | split(".")[0]] | step("hostname");

def user:
  if type == "string" then if . == "default" then empty else [., "", "no"] | step("user") end
  else
    (.name // "docker") as $name
    | ([$name, .shell // "", (if (.sudo // false) | . == false or . == null or . == "False" or . == [] then "no" else "yes" end)] | step("user")),
      ((.ssh_authorized_keys // .["ssh-authorized-keys"] // [])[] | [$name, .] | step("key"))
  end;

def encoding: (.encoding // "") | ascii_downcase
  | if . == "" or . == "text/plain" then "text"
    elif . == "b64" or . == "base64" then "b64"
    elif . == "gz" or . == "gzip" or . == "gz+b64" or . == "gz+base64" or . == "gzip+b64" or . == "gzip+base64" then "gz+b64"
    else "unknown" end;

def file: [.path, (.permissions // "0644"), (.owner // "root:root"), (if (.append // false) | true_text then "append" else "replace" end),
  encoding, (.content // "")] | step("file");

def mount: if type == "array" and length >= 2 then [.[0], .[1], .[2] // "auto", .[3] // "defaults"] | step("mount") else empty end;

def command: if type == "array" then step("command") else [.] | step("shell") end;

def other: keys_unsorted[] | select(. as $key | known | index($key) | not) | [.] | step("unknown");

if type != "object" then error("the document is not a mapping") else . end
| hostname,
  (.users // [] | .[] | user),
  (.ssh_authorized_keys // [] | .[] | ["docker", .] | step("key")),
  (.["public-keys"] // [] | public_key | . as $key | ("docker", "root") | [., $key] | step("key")),
  (.ssh_keys.ed25519_private // empty | [.] | step("hostkey")),
  (if (.disable_root | tostring | ascii_downcase | . == "false" or . == "no") then ([] | step("rootlogin")) else empty end),
  (.tsmachine.format // empty | [.] | step("format")),
  (.["instance-id"] // empty | [.] | step("instance")),
  (.write_files // [] | .[] | file),
  (.mounts // [] | .[] | mount),
  (.runcmd // [] | .[] | command),
  other

"""Sizes, counts and times, each with its reason. Times are seconds."""

# Groups
MIN_THRESHOLD = 2  # one signer is no threshold wallet
MAX_PARTIES = 16  # of the protocol (docs/protocol.md, section 1)
MAX_PARTIES_WITH_DEVICE = 8  # a Pico's heap, measured as `-X heapsize=330k`
MAX_INDEX = 255  # an index is one byte and is never used again
MAX_EPOCH_JUMP = 1000  # a peer cannot burn the epoch counter
MAX_PENDINGS = 64  # beyond the newest, a pending shard keeps under 1 KB
STRIKES_BEFORE_DELAY = 3  # then a new pair set-up needs more than a tap
STRIKE_DELAY = 24 * 3600
GOOD_SIGNATURES_CLEAR_STRIKES = 10

# Sealing
CHUNK_BYTES = 16384  # a device never holds more than one such chunk beside its working set
STREAM_ROWS = 32  # rows of RVOLE per chunk: 3072 B, what a device can spare

# Decoder
CBOR_DEPTH = 8
CBOR_ITEMS = 4096
CBOR_BYTES = 128 * 1024  # a message body at the relay

# Link
LINK_FRAME_BYTES = 192  # payload of a serial frame: frame and stuffing stay below a 256-byte buffer
LINK_MESSAGE_BYTES = 32 * 1024  # one request or reply on the link: a sealed chunk and its envelope fit
LINK_ACK_TIMEOUT = 1.0
LINK_RETRIES = 20

# Waiting (measured on an RP2040 in plain Python: key generation 200 s, signature 10 s)
KEYGEN_TIMEOUT = 900
SIGN_TIMEOUT = 120
APPROVAL_TIMEOUT = 180
SESSION_TTL = 3600

# Relay (per services contract)
BODY_BYTES = 128 * 1024
MAILBOX_MESSAGES = 512
MAILBOX_BYTES = 8 * 1024 * 1024
SESSION_BYTES = 64 * 1024 * 1024
LIVE_TTL = 600

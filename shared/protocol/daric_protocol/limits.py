"""Sizes, counts and times, each with its reason. Times are seconds."""

# Groups
MIN_THRESHOLD = 2  # one signer is no threshold wallet
MAX_PARTIES = 16  # of the protocol (docs/protocol.md, section 1)
MAX_PARTIES_WITH_DEVICE = 8  # a Pico's heap, measured as `-X heapsize=330k`
MAX_ENTROPY_PARTS = 2  # of 16 bytes: the longest phrase has 32 bytes of entropy
MAX_INDEX = 255  # an index is one byte and is never used again
MAX_EPOCH_JUMP = 1000  # a peer cannot burn the epoch counter
PENDINGS_BEFORE_NAMES = 3  # from the next attempt on the screen names whose acknowledgement was missing
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
LINK_PIECE_BYTES = 2048  # of a session's frame in one message: a device holds about five copies of a message at once
LINK_ACK_TIMEOUT = 1.0
LINK_RETRIES = 20
LINK_REPLY_TIMEOUT = 20  # of a request without arithmetic between rounds; a handshake on a slow device takes seconds
MAX_HOSTS = 8  # paired with one device: each takes a row of the vault's key table
PAIRING_TRIES = 3  # codes without a pairing, then each next one waits: a party in between cannot guess on and on
PAIRING_WAIT = 30  # twice as long each time
PAIRING_WAIT_LIMIT = 3600

# Images
IMAGE_HEAD_BYTES = 1024  # manifest, key and signature: a device reads no more of an image before it trusts it

# Waiting (measured on an RP2040 in plain Python: key generation 200 s, signature 10 s)
KEYGEN_TIMEOUT = 900
SIGN_TIMEOUT = 120
APPROVAL_TIMEOUT = 180
TYPING_TIMEOUT = 900  # a recovery code by two buttons takes about a hundred presses
SECRET_TIMEOUT = 900  # between two presses while an exported key is on a screen
SESSION_TTL = 3600
PRESS_GUARD_MS = 500  # that rows are on a screen before a press that approves them may begin: nobody reads faster

# Relay (per services contract)
BODY_BYTES = 128 * 1024
MAILBOX_MESSAGES = 512
MAILBOX_BYTES = 8 * 1024 * 1024
SESSION_BYTES = 64 * 1024 * 1024
LIVE_TTL = 600

# Services
STORED_TTL = 7 * 24 * 3600  # backup pieces wait for a party that is offline
CHALLENGE_TTL = 60  # a person may have to wake a device up
TOKEN_TTL = 1800  # longer than any live round; the client logs in again by itself
REQUEST_BYTES = 1024 * 1024  # one sealed request: several message bodies in one transaction
PUBLISH_MESSAGES = 16  # one message to every member
READ_MESSAGES = 64  # one page of a mailbox
CREDIT = 32  # deliveries a WebSocket client may leave unacknowledged
LONG_POLL = 25  # below the idle time-out of common proxies
TERMS_BYTES = 64 * 1024
JOIN_BYTES = 4096
NAME_BYTES = 64
PARTY_SEEN = 300  # a party that asked for something since then is there
MEETING_MESSAGES = 2048  # in a mailbox of a meeting without services; a signature of eight parties needs 150
INVITATION_TTL = 3600  # the other phone is at hand
INVITATIONS = 16  # open ones of an account
SESSION_IDS = 64  # issued and not yet used, per party
LOGINS_PER_PARTY = 8  # the oldest is dropped: its client logs in again
LOGINS = 65536  # of one process, about 100 MB
PENDING_CHALLENGES = 4096
HOP_WINDOW = 1024  # how far requests of one login may overtake one another
EVIDENCE_PER_SESSION = 16
RELAY_PATIENCE = 60  # seconds a client retries before it gives a request up

# Sessions
FRAME_BYTES = CHUNK_BYTES + 64  # a sealed chunk, its tag and its envelope
VIEW_BYTES = 4096  # a field of a round from this size on is not copied: a device has room for it once
ROUND_BODY_BYTES = 2 * CHUNK_BYTES  # the largest body of a round is a signature's first, 8.9 KB
STREAM_HEADER_BYTES = 64  # h and eta of an RVOLE stream (docs/protocol.md, section 5)
STREAM_CHUNK_BYTES = STREAM_ROWS * 96
STREAM_END_BYTES = 32
STREAM_FRAMES = 15  # header, 416 rows in chunks of STREAM_ROWS, the final hash
EARLY_FRAMES = 128  # frames held per seat: a peer is at most one round ahead, 18 frames; relays may repeat them
EARLY_BYTES = 512 * 1024
SIGN_REQUEST_BYTES = 16 * 1024  # a typed request: a device reads and shows all of it
TYPED_DATA_BYTES = 4096  # typed data: it is shown in full, so a device has less room for it than for the rest
TYPED_DATA_ITEMS = 1024  # its CBOR items, types and values together
TYPED_DATA_TYPES = 16  # structs, which may contain one another: a device's stack
TYPED_DATA_VALUES = 64  # a person presses through several lines for each
TYPED_DATA_NAME = 64  # characters of a struct's or field's name

# The device's record of its sessions: entries of up to 450 B, so that a page is one small write and one answer
LOG_ENTRIES_PER_PAGE = 4
LOG_PAGES = 8  # the oldest goes as a whole

# Backups at the cloud party
RELEASE_TRIES = 5  # of a recovery code of 80 bits
RELEASE_WAIT = 24 * 3600  # after them
CLOUD_BACKUPS = 32  # of a wallet: nobody fills the cloud's disk

# Nodes of chains
NODE_TIMEOUT = 30  # of one question
NODE_ANSWER_BYTES = 4 * 1024 * 1024
NODE_ANSWER_LISTS = 4096  # lists and objects, which may stand in one another: a parser's stack
RECEIPT_TIMEOUT = 180  # slow chains make a block in 15
RECEIPT_PAUSE = 0.5  # between questions for a receipt

# The device's PIN
PIN_MIN, PIN_MAX = 4, 16  # digits
PIN_TRIES = 10  # then the device is wiped; 2, 4, 8 .. 512 seconds pass after each wrong one
STRETCH_MIN = 1000  # iterations of PBKDF2, however slow or strange the board's clock
STRETCH_MAX = 1 << 20
WIPE_HOLD = 10  # both buttons, at a device that is locked or out of order

# Custody: what a party remembers is bounded, so that no peer can fill its flash
USED_SESSIONS = 64  # remembered session ids; an older one repeats nothing, since each join draws a new nonce
SPENT_DIGESTS = 64  # remembered per group: a warning to people, the nonces alone keep signatures apart
FORMING_GROUPS = 16  # groups that were tried and never stored

# The owner's policy for a wallet, kept by a device
POLICY_BYTES = 1024  # all of it is shown
POLICY_CHAINS = 4  # with a daily amount each
POLICY_RECIPIENTS = 16  # four lines on the screen each
POLICY_DAY = 24 * 3600
POLICY_COUNTED = 16  # amounts of the last day that are kept apart; older ones are added up, never forgotten early

"""The services that the parties of a wallet meet at: auth, sessions and the mailbox relay, in one ASGI application.

They route and they know who is who; the bodies they carry are sealed end to end between the parties.
"""

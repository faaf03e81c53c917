"""What commands print on terminals."""
import fcntl
import os
import pty
import struct
import subprocess
import termios


def on_terminal(columns, command, env=None):
    """The text of a command that ends well, on a terminal of that many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    p = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=env)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    err = p.stderr.read().decode(errors="replace")
    assert p.wait() == 0, (command, err)
    return text.replace(b"\r\n", b"\n").decode()

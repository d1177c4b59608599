"""A BitTorrent client on libtorrent: seeds what is complete in the folder and leeches what is not, until SIGINT.

usage: libtorrent-client.py TORRENT FOLDER ADDRESS:PORT
"""

import os
import signal
import sys
import time

import libtorrent

GOODBYE_S_MAX = 2

torrent, folder, listen = sys.argv[1:]
parent = os.getppid()

session = libtorrent.session(
    {
        "listen_interfaces": listen,
        "outgoing_interfaces": listen.rpartition(":")[0],
        # Peers come from the tracker, or from nowhere.
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # A new peer gets its turn within a second instead of 15.
        "unchoke_interval": 1,
        "alert_mask": libtorrent.alert.category_t.error_notification
        | libtorrent.alert.category_t.status_notification
        | libtorrent.alert.category_t.tracker_notification,
    }
)
params = libtorrent.add_torrent_params()
params.ti = libtorrent.torrent_info(torrent)
params.save_path = folder
session.add_torrent(params)


def print_alerts():
    session.wait_for_alert(200)
    alerts = session.pop_alerts()
    for alert in alerts:
        print(alert, flush=True)
    return alerts


signals = []
signal.signal(signal.SIGINT, lambda number, _frame: signals.append(number))
# A parent that was killed sends no signal.
while not signals and os.getppid() == parent:
    print_alerts()

# The end of a session does not wait for a UDP tracker; a pause tells the tracker the same, and its answer can be waited for.
session.pause()
end = time.monotonic() + GOODBYE_S_MAX
while time.monotonic() < end:
    if any(isinstance(alert, libtorrent.tracker_reply_alert) for alert in print_alerts()):
        break

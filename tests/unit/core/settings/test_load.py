"""Settings out of flags, environment, file and defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pulseline_core import paths
from pulseline_core.errors import ConfigError, InvalidSetting
from pulseline_core.settings import (
    ApiSettings,
    BrokerSettings,
    IngestSettings,
    LogSettings,
    MqttSettings,
    Secret,
    Settings,
    load,
)
from pulseline_core.settings.document import build_effective, build_sample
from pulseline_core.settings.load import SPECS, resolve
from pulseline_core.settings.spec import Spec


def get_spec(name: str) -> Spec:
    """Return what is known of a setting."""
    return next(spec for spec in SPECS if spec.name == name)


def test_without_a_word_everything_has_its_default() -> None:
    """The defaults are those of the classes."""
    settings = load({}, {})

    assert settings == Settings()
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 5600)
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.root) == ("127.0.0.1", 1883, "pulseline/v1")
    assert settings.data_dir == paths.get_data_dir()
    assert settings.database == settings.data_dir / "pulseline.db"


def test_testing_has_other_ports_and_another_folder() -> None:
    """As in ActivityWatch."""
    settings = load({"testing": "true"}, {})

    assert settings.testing
    assert (settings.api.port, settings.mqtt.port) == (5666, 1884)
    assert settings.data_dir == paths.get_data_dir(testing=True)


def test_a_port_that_was_named_stays_with_testing() -> None:
    """Testing changes defaults, nothing more."""
    settings = load({"testing": "true", "api.port": "5700"}, {"PULSELINE_MQTT_PORT": "1999"})

    assert (settings.api.port, settings.mqtt.port) == (5700, 1999)


@pytest.mark.parametrize(
    ("overrides", "environ", "file_text", "expected"),
    [
        pytest.param({}, {}, "", 1883, id="default"),
        pytest.param({}, {}, "[mqtt]\nport = 3", 3, id="file over default"),
        pytest.param({}, {"PULSELINE_MQTT_PORT": "2"}, "[mqtt]\nport = 3", 2, id="environment over file"),
        pytest.param({"mqtt.port": "1"}, {"PULSELINE_MQTT_PORT": "2"}, "[mqtt]\nport = 3", 1, id="flag over all"),
    ],
)
def test_the_nearer_source_wins(
    overrides: dict[str, str], environ: dict[str, str], file_text: str, expected: int
) -> None:
    """Flag, environment, file, default."""
    assert load(overrides, environ, file_text).mqtt.port == expected


@pytest.mark.parametrize("source", ["flag", "environment", "file"])
@pytest.mark.parametrize(
    ("name", "text", "toml", "expected"),
    [
        pytest.param("data_dir", "/data", '"/data"', Path("/data"), id="path"),
        pytest.param("broker.users_file", "users.toml", '"users.toml"', Path("users.toml"), id="optional path"),
        pytest.param("broker.users_file", "", '""', None, id="no path"),
        pytest.param("mqtt.password", "geheim", '"geheim"', Secret("geheim"), id="secret"),
        pytest.param("api.threads", "4", "4", 4, id="integer"),
        pytest.param("ingest.pulsetime_s", "5", "5", 5.0, id="number without a fraction"),
        pytest.param("ingest.pulsetime_s", "0.5", "0.5", 0.5, id="number"),
        pytest.param("ingest.create_buckets", "off", "false", False, id="no"),
        pytest.param("log.json", "Yes", "true", True, id="yes"),
        pytest.param("log.level", "debug", '"debug"', "debug", id="choice"),
        pytest.param("api.key", "geheim", '"geheim"', Secret("geheim"), id="optional secret"),
        pytest.param("api.cors_origins", "", "[]", (), id="empty list"),
        pytest.param(
            "api.cors_origins",
            "http://a:1, https://b",
            '["http://a:1", "https://b"]',
            ("http://a:1", "https://b"),
            id="list",
        ),
    ],
)
def test_every_source_gives_the_same_value(source: str, name: str, text: str, toml: str, expected: Any) -> None:
    """Text and TOML are read into the same types."""
    section, _, key = name.rpartition(".")
    table = f"[{section}]\n" if section else ""

    settings = {
        "flag": lambda: load({name: text}, {}),
        "environment": lambda: load({}, {get_spec(name).environment_name: text}),
        "file": lambda: load({}, {}, f"{table}{key} = {toml}"),
    }[source]()

    value = getattr(getattr(settings, section) if section else settings, key)
    assert value == expected
    assert type(value) is type(expected)


def test_a_path_may_begin_at_home(home: Path) -> None:
    """As the shell writes it."""
    assert load({"data_dir": "~/pulse"}, {}).data_dir == home / "pulse"


@pytest.mark.parametrize(
    ("overrides", "environ", "file_text", "name", "nearest"),
    [
        pytest.param({"mqtt.prot": "1"}, {}, "", "mqtt.prot", "mqtt.port", id="flag"),
        pytest.param(
            {}, {"PULSELINE_MQTT_PROT": "1"}, "", "PULSELINE_MQTT_PROT", "PULSELINE_MQTT_PORT", id="environment"
        ),
        pytest.param({}, {}, "[mqtt]\nprot = 1", "mqtt.prot", "mqtt.port", id="file"),
        pytest.param({}, {}, "[mqttt]\nport = 1", "mqttt.port", "mqtt.port", id="table"),
        pytest.param({}, {}, 'data_dri = "/"', "data_dri", "data_dir", id="above all tables"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest_one(
    overrides: dict[str, str], environ: dict[str, str], file_text: str, name: str, nearest: str
) -> None:
    """A typing error is not silently without effect."""
    with pytest.raises(InvalidSetting, match="does not exist") as caught:
        load(overrides, environ, file_text)

    assert caught.value.name == name
    assert caught.value.hint == f"did you mean {nearest!r}?"


def test_a_name_that_is_like_no_other_has_no_hint() -> None:
    """A wild guess would mislead."""
    with pytest.raises(InvalidSetting) as caught:
        load({}, {}, "[zzz]\nqqq = 1")

    assert caught.value.hint == ""


def test_variables_of_others_and_of_the_supervisor_are_passed_over() -> None:
    """Only our prefix counts, and four names with it are no settings."""
    environ = {
        "PATH": "/bin",
        "PULSELINE_CONFIG": "x",
        "PULSELINE_READY_FD": "3",
        "PULSELINE_LIFELINE_FD": "4",
        "PULSELINE_LISTENER_FDS": "5,6",
        "XPULSELINE_FOO": "1",
    }

    assert load({}, environ) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        pytest.param("api.port", "http", "is 'http', not an integer", id="word for an integer"),
        pytest.param("api.port", "1.5", "is '1.5', not an integer", id="fraction for an integer"),
        pytest.param("api.port", "", "is '', not an integer", id="nothing for an integer"),
        pytest.param("api.port", "-1", "is -1, not between 0 and 65535", id="negative port"),
        pytest.param("api.port", "65536", "is 65536, not between 0 and 65535", id="port too great"),
        pytest.param("api.reply_timeout_s", "soon", "is 'soon', not a number", id="word for a number"),
        pytest.param("api.reply_timeout_s", "nan", "is 'nan', not a number", id="NaN"),
        pytest.param("api.reply_timeout_s", "inf", "is 'inf', not a number", id="Infinity"),
        pytest.param("testing", "maybe", "is 'maybe', not true or false", id="maybe"),
        pytest.param("data_dir", "", "is empty, not a path", id="empty path"),
        pytest.param("log.level", "loud", "is 'loud', not one of debug, info, warning, error", id="unknown level"),
        pytest.param("mqtt.root", "", "which is not a topic: it is empty", id="empty root"),
        pytest.param("mqtt.root", "a/#", "which is not a topic: it holds a wildcard", id="root with a wildcard"),
        pytest.param("mqtt.root", "/a", "no '/' at either end", id="root with a slash in front"),
        pytest.param("mqtt.root", "a/", "no '/' at either end", id="root with a slash behind"),
        pytest.param("mqtt.root", "$SYS", "no '$' at the beginning", id="root of the broker"),
        pytest.param("broker.gate", "ingest", "not of the form 'module:callable'", id="gate without a callable"),
        pytest.param("broker.gate", ":x", "not of the form 'module:callable'", id="gate without a module"),
        pytest.param("broker.max_packet_bytes", "263176", "not 263177 or more: mqtt.max_pay", id="small packet"),
        pytest.param("store.url", "mysql://host/db", "does not begin with postgresql://", id="other database"),
        pytest.param("api.key", "", "is empty, which would be no key", id="empty key"),
        pytest.param("api.key", "a b", "other than visible ASCII", id="key with a space"),
        pytest.param("api.key", "s\u00e9cret", "other than visible ASCII", id="key with an accent"),
        pytest.param("api.cors_origins", "*", "holds '*', not scheme://host", id="every origin"),
        pytest.param("api.cors_origins", "null", "holds 'null', not scheme://host", id="origin of nothing"),
        pytest.param("api.cors_origins", "http://a/", "holds 'http://a/', not scheme", id="origin with a path"),
        pytest.param("api.cors_origins", "http://A", "holds 'http://A', not scheme", id="origin in capitals"),
        pytest.param("api.cors_origins", "http://*.a", "holds 'http://*.a', not scheme", id="origin with a star"),
        pytest.param("api.pages", "/clock", "holds '/clock', not of the form 'NAME=PATH'", id="page without a name"),
        pytest.param("api.pages", "a/b=/c", "holds 'a/b=/c', not of the form", id="page with a slash in its name"),
        pytest.param("api.pages", "..=/c", "holds '..=/c', not of the form", id="page that is two dots"),
        pytest.param("api.pages", "clock=", "holds 'clock=', not of the form", id="page without a path"),
        pytest.param("ingest.worker", "", "not the text of one topic level", id="nameless worker"),
        pytest.param("ingest.partitions", "0", "not between 1 and 256", id="no partition"),
        pytest.param("ingest.broker_partitions", "true", "is on, while there is one partition", id="one dealt out to"),
        pytest.param("ingest.partition", "3", "holds '3', not between 0 and 0", id="partition of one"),
        pytest.param("ingest.worker", "a/b", "not the text of one topic level", id="worker of two levels"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(name: str, text: str, words: str) -> None:
    """The message holds the name, the value and the way out."""
    with pytest.raises(InvalidSetting) as caught:
        load({name: text}, {})

    assert caught.value.name == name
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("file_text", "words"),
    [
        pytest.param("[mqtt", "is not TOML", id="broken"),
        pytest.param('[mqtt]\nport = "1883"', "is '1883', not an integer", id="text for an integer"),
        pytest.param("[mqtt]\nport = true", "is True, not an integer", id="true for an integer"),
        pytest.param("[mqtt]\nport = 1.0", "is 1.0, not an integer", id="fraction for an integer"),
        pytest.param("[mqtt]\nroot = 5", "is 5, not a text", id="integer for a text"),
        pytest.param("[ingest]\npulsetime_s = nan", "is nan, not a number", id="NaN"),
        pytest.param("testing = 1", "is 1, not true or false", id="one for true"),
        pytest.param('[api]\npages = "a=/b"', "is 'a=/b', not a list of texts", id="text for a list"),
        pytest.param("[api]\npages = [1]", "is [1], not a list of texts", id="integer in a list"),
        pytest.param('[api]\nkey = ""', "is empty, which would be no key", id="empty key"),
        pytest.param("mqtt = 5", "does not exist", id="value for a table"),
    ],
)
def test_a_file_is_read_strictly(file_text: str, words: str) -> None:
    """TOML has types, and they count."""
    with pytest.raises(ConfigError) as caught:
        load({}, {}, file_text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        (ApiSettings, {"port": -1}),
        (MqttSettings, {"max_payload_bytes": 0}),
        (BrokerSettings, {"max_connections": 0}),
        (IngestSettings, {"pulsetime_s": -1.0}),
        (LogSettings, {"level": "loud"}),
    ],
)
def test_a_section_with_a_wrong_value_can_not_exist(section: type, fields: dict[str, Any]) -> None:
    """Not by the constructor either."""
    with pytest.raises(InvalidSetting):
        section(**fields)


def test_each_value_knows_where_it_comes_from() -> None:
    """A flag, a variable, the file or the default."""
    effective = resolve({"api.port": "1"}, {"PULSELINE_MQTT_PORT": "2"}, "[log]\njson = true")

    origins = {each.spec.name: each.origin for each in effective}
    assert origins["api.port"] == "--port"
    assert origins["mqtt.port"] == "PULSELINE_MQTT_PORT"
    assert origins["log.json"] == "file"
    assert origins["api.host"] == "default"


def test_a_secret_is_shown_to_nobody() -> None:
    """Neither by its class nor by what prints the settings."""
    settings = load({}, {"PULSELINE_MQTT_PASSWORD": "geheim"})
    page = build_effective(resolve({}, {"PULSELINE_MQTT_PASSWORD": "geheim"}), data_dir=settings.data_dir)

    assert settings.mqtt.password == "geheim"
    assert "geheim" not in repr(settings)
    assert "geheim" not in page
    assert 'password = "***"' in page
    assert repr(Secret("")) == "''"


def test_a_secret_has_no_flag() -> None:
    """Every user of the machine can read command lines; ActivityWatch's own clients know the key by its flag."""
    assert get_spec("mqtt.password").flag is None
    assert get_spec("api.key").flag == "--api-key"


def test_an_empty_key_in_the_environment_is_not_silently_no_key() -> None:
    """As ``PULSELINE_API_KEY=$(cat missing-file)`` would make it; the message names the variable."""
    with pytest.raises(InvalidSetting, match="PULSELINE_API_KEY") as caught:
        load({}, {"PULSELINE_API_KEY": ""})

    assert "pulseline setup key" in caught.value.hint


def test_no_key_is_shown_as_none_and_a_key_as_stars() -> None:
    """An empty text would not be read back."""
    without = build_effective(resolve({}, {}), data_dir=Path("/data"))
    page = build_effective(resolve({"api.key": "geheim"}, {}), data_dir=Path("/data"))

    assert "\n# key is not set\n" in without
    assert '\nkey = "***"  # --api-key\n' in page
    assert "geheim" not in page


def test_pages_are_folders_by_name(home: Path) -> None:
    """An equals sign in the path is a part of it, and a path may begin at home."""
    settings = load({}, {}, '[api]\npages = ["clock=~/clock", "a.b=/x=y,z"]')

    assert settings.api.page_folders == {"clock": home / "clock", "a.b": Path("/x=y,z")}


def test_flags_and_variables_are_named_after_the_setting() -> None:
    """Save the few that are written most."""
    assert get_spec("ingest.pulsetime_s").flag == "--ingest-pulsetime-s"
    assert get_spec("ingest.pulsetime_s").environment_name == "PULSELINE_INGEST_PULSETIME_S"
    assert get_spec("api.port").flag == "--port"
    assert get_spec("data_dir").environment_name == "PULSELINE_DATA_DIR"


def test_no_two_settings_share_a_name() -> None:
    """Neither flags nor variables are ambiguous."""
    flags = [spec.flag for spec in SPECS if spec.flag is not None]
    variables = [spec.environment_name for spec in SPECS]

    assert len(set(flags)) == len(flags)
    assert len(set(variables)) == len(variables)


def test_the_sample_file_changes_nothing() -> None:
    """It is all comments."""
    assert load({}, {}, build_sample()) == Settings()


def test_the_sample_file_without_its_marks_holds_the_defaults() -> None:
    """Every entry is one that can be taken over."""
    entries = "\n".join(
        line.removeprefix("#") for line in build_sample().splitlines() if not line.startswith("# ")
    ).replace('data_dir = ""', "")

    assert load({}, {}, entries) == Settings()
    assert len(tomllib.loads(entries)["broker"]) == sum(spec.section == "broker" for spec in SPECS)


def test_the_effective_settings_can_be_read_back() -> None:
    """``--print-config`` prints a settings file."""
    page = build_effective(resolve({"api.port": "1"}, {}), data_dir=Path("/data"))

    assert load({}, {}, page) == load({"api.port": "1", "data_dir": "/data"}, {})


def test_the_url_of_a_broker_goes_before_its_parts() -> None:
    """Whoever names one there means it; the password comes from where nobody reads it."""
    mqtt = load(
        {"mqtt.broker": "mqtts://me@broker.example"},
        {"PULSELINE_MQTT_PASSWORD": "secret", "PULSELINE_MQTT_HOST": "elsewhere", "PULSELINE_MQTT_USERNAME": "other"},
    ).mqtt

    assert (mqtt.host, mqtt.port, mqtt.username, mqtt.password) == ("broker.example", 8883, "me", "secret")
    assert (mqtt.is_external, mqtt.is_tls) == (True, True)


def test_the_url_of_a_broker_without_a_user_leaves_the_user_alone() -> None:
    """It may stand in the file with the password."""
    assert load({"mqtt.broker": "mqtt://broker", "mqtt.username": "me"}, {}).mqtt.username == "me"


def test_a_password_in_the_url_of_a_broker_is_refused() -> None:
    """Command lines can be read by others."""
    with pytest.raises(InvalidSetting) as caught:
        load({"mqtt.broker": "mqtt://me:secret@broker"}, {})

    assert str(caught.value) == "--broker: setting 'mqtt.broker' holds a password, which others can read there"
    assert caught.value.hint == "set PULSELINE_MQTT_PASSWORD, or password of [mqtt] in the settings file"


@pytest.mark.parametrize("name", ["ca_file", "certificate_file", "key_file"])
@pytest.mark.parametrize("broker", ["", "mqtt://broker"], ids=["embedded", "external"])
def test_files_for_tls_are_refused_where_nothing_is_encrypted(name: str, broker: str) -> None:
    """Whoever names one believes that his password is safe on its way."""
    variable = f"PULSELINE_MQTT_{name.upper()}"

    with pytest.raises(InvalidSetting) as caught:
        load({"mqtt.broker": broker}, {variable: "/some.pem"})

    assert str(caught.value) == (
        f"{variable}: setting 'mqtt.{name}' is '/some.pem', while connections to the broker are not encrypted"
    )
    assert "mqtts://" in caught.value.hint


def test_a_key_without_its_certificate_is_refused() -> None:
    """It would be shown to nobody."""
    with pytest.raises(InvalidSetting, match=r"'mqtt\.key_file' is set without mqtt\.certificate_file"):
        load({"mqtt.broker": "mqtts://broker", "mqtt.key_file": "/key.pem"}, {})


def test_the_database_is_a_file_unless_a_url_is_named() -> None:
    """An empty one is none, and nobody is shown the password in it."""
    url = "postgresql://me:s3cret@host/pulse"
    settings = load({}, {"PULSELINE_STORE_URL": url})

    assert settings.database == url
    assert "s3cret" not in repr(settings)
    assert load({}, {"PULSELINE_STORE_URL": ""}).database == load({}, {}).data_dir / "pulseline.db"


def test_a_password_of_the_database_is_refused_on_the_command_line_alone() -> None:
    """Others can read it there, and nowhere else."""
    url = "postgresql://me:s3cret@host/pulse"

    with pytest.raises(InvalidSetting) as caught:
        load({"store.url": url}, {})

    assert str(caught.value) == "--database: setting 'store.url' holds a password, which others can read there"
    assert "PULSELINE_STORE_URL or PGPASSWORD" in caught.value.hint
    assert "~/.pgpass" in caught.value.hint
    assert load({}, {}, f'store.url = "{url}"').database == url

// Uplinks of Milesight's sensors: triples of channel, type and value. Written for Spacehook from the facts of the vendor's
// user guides. The words are the vendor's own, so that what it publishes can be compared.
//
// Some channels mean other things on other devices. `input.variables.device` (the name of the device, or of its model) says
// which it is where it begins with the model (vs351-lobby); where it does not, the more common meaning is taken.

var ALARM = ["threshold alarm release", "threshold alarm", "", "high temperature alarm", "high temperature alarm release"];
var REPORT = ["temperature resume", "temperature threshold", "pir idle", "pir occupancy", "period"];
var EVENT = ["counting_anomaly", "node_device_without_response", "devices_misaligned"];
var DETECTED = ["normal", "vacant", "in bed", "out of bed", "fall"];
var TARGET = ["normal", "motionless", "abnormal"];

function u16(b, i) { return b[i] | (b[i + 1] << 8); }
function i16(b, i) { return (u16(b, i) << 16) >> 16; }
function u32(b, i) { return (u16(b, i) | (u16(b, i + 2) << 16)) >>> 0; }
function tenths(n) { return Math.round(n) / 10; }
function hex(b, from, to) {
  return b.slice(from, to).map(function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
}
function occupancy(byte) { return byte === 0 ? "vacant" : "occupied"; }
function pir(byte) { return byte === 0 ? "idle" : "trigger"; }

function magnet(byte) { return byte === 0 ? "close" : "open"; }

function model(input) {
  var name = String((input.variables && input.variables.device) || "").toLowerCase();
  var found = /^(am|em|vs|ws)-?(\d{3})/.exec(name);
  return found ? found[1] + found[2] : "";
}

// Counters by infrared or thermopile at a door: their records of history are alike.
function isAtDoor(m) { return m === "vs350" || m === "vs351" || m === "vs360"; }

// By channel and type: how many bytes, and what they say.
var KNOWN = {
  "0175": [1, function (d, b, i, m) { d[m === "vs360" ? "battery_main" : "battery"] = b[i]; }],
  "0275": [1, function (d, b, i) { d.battery_node = b[i]; }],
  "0282": [2, function (d, b, i) { d.distance = u16(b, i); }],
  "0300": [1, function (d, b, i, m) {
    if (m === "ws202") d.pir = pir(b[i]);
    else if (m === "ws301") d.magnet_status = magnet(b[i]);
    else if (m === "ws303") d.leakage_status = b[i] === 0 ? "normal" : "leak";
    else d.occupancy = occupancy(b[i]);
  }],
  "0367": [2, function (d, b, i) { d.temperature = tenths(i16(b, i)); }],
  "0394": [4, function (d, b, i) { d.illumination = u32(b, i); }],
  "038e": [1, function (d, b, i) { d.occupancy = occupancy(b[i]); }],
  "03d2": lineTotal(1, "in"),
  "03f4": [2, function (d, b, i) {
    var of = EVENT[b[i]] || "unknown";
    (d.event = d.event || []).push({ type: of, status: b[i + 1] === 1 ? "alarm" : "alarm_release" });
  }],
  "03f8": [6, function (d, b, i) {
    d.detection_status = DETECTED[b[i]] || "unknown";
    d.target_status = TARGET[b[i + 1]] || "unknown";
    d.use_time_now = u16(b, i + 2);
    d.use_time_today = u16(b, i + 4);
  }],
  "0400": [1, function (d, b, i, m) {
    if (m === "vs370") d.illuminance = b[i] === 0xfe ? "disable" : b[i] === 0 ? "dim" : "bright";
    else if (m === "ws301") d.tamper_status = b[i] === 0 ? "installed" : "uninstalled";
    else d.daylight = b[i] === 0 ? "dark" : "light";
  }],
  "0468": [1, function (d, b, i) { d.humidity = b[i] / 2; }],
  "048e": [1, function (d, b, i) { d.calibration_status = b[i] === 0 ? "failed" : "success"; }],
  "04c9": [4, function (d, b, i) {
    d.people_count_all = b[i];
    d.region_count = b[i + 1];
    var regions = (b[i + 2] << 8) | b[i + 3];
    for (var r = 0; r < b[i + 1]; r++) d["region_" + (r + 1)] = (regions >> r) & 1;
  }],
  "04d2": lineTotal(1, "out"),
  "04f9": [4, function (d, b, i) {
    for (var r = 0; r < 4; r++) d["region_" + (r + 1) + "_occupancy"] = b[i + r] === 0 ? "occupied" : "vacant";
  }],
  "04cc": [4, function (d, b, i) { d.total_in = u16(b, i); d.total_out = u16(b, i + 2); }],
  "0500": [1, function (d, b, i, m) { if (m === "ws203") d.occupancy = occupancy(b[i]); else d.pir = pir(b[i]); }],
  "056a": [2, function (d, b, i) { d.activity = u16(b, i); }],
  "057d": [2, function (d, b, i) { d.co2 = u16(b, i); }],
  "05cc": [4, function (d, b, i, m) {
    var what = { vs121: "people", vs132: "periodic_counter", vs133: "line_1_period", vs135: "line_1_period" }[m] || "period";
    d[what + "_in"] = u16(b, i);
    d[what + "_out"] = u16(b, i + 2);
  }],
  "05fd": [2, function (d, b, i) { d.people_total_counts = u16(b, i); }],
  "0600": [1, function (d, b, i) { d.magnet_status = magnet(b[i]); }],
  "0665": [6, function (d, b, i) {
    d.illumination = u16(b, i);
    d.infrared_and_visible = u16(b, i + 2);
    d.infrared = u16(b, i + 4);
  }],
  "0673": [2, function (d, b, i) { d.pressure = tenths(u16(b, i)); }],
  "06cb": [1, function (d, b, i) { d.light_level = b[i]; }],
  "06cd": [1, function (d, b, i) { d.people_count_max = b[i]; }],
  "06d2": lineTotal(2, "in"),
  "06fe": [4, function (d, b, i) { d.region_mask = u32(b, i); }],
  "077d": [2, function (d, b, i) { d.co2 = u16(b, i); }],
  "07d2": lineTotal(2, "out"),
  "07d5": [8, regionCounts(1)],
  "07ff": [1, function (d, b, i) { d.illuminance_status = b[i] === 0 ? "dim" : "bright"; }],
  "087d": [2, function (d, b, i) { d.tvoc = u16(b, i) / 100; }],
  "08cc": linePeriod(2),
  "08d5": [8, regionCounts(9)],
  "08e6": [2, function (d, b, i) { d.tvoc = u16(b, i); }],
  "08f4": [2, function (d, b, i) { d.detection_status = b[i + 1]; }],
  "0973": [2, function (d, b, i) { d.pressure = tenths(u16(b, i)); }],
  "09d2": lineTotal(3, "in"),
  "09da": [8, directions("a")],
  "0a7d": [2, function (d, b, i) { d.hcho = u16(b, i) / 100; }],
  "0ad2": lineTotal(3, "out"),
  "0ada": [8, directions("b")],
  "0aef": [4, function (d, b, i) { d.timestamp = u32(b, i); }],
  "0b7d": [2, function (d, b, i) { d.pm2_5 = u16(b, i); }],
  "0bcc": linePeriod(3),
  "0bda": [8, directions("c")],
  "0c7d": [2, function (d, b, i) { d.pm10 = u16(b, i); }],
  "0cd2": lineTotal(4, "in"),
  "0cda": [8, directions("d")],
  "0d7d": [2, function (d, b, i) { d.o3 = u16(b, i) / 100; }],
  "0dcc": [4, function (d, b, i) { d.people_total_in = u16(b, i); d.people_total_out = u16(b, i + 2); }],
  "0dd2": lineTotal(4, "out"),
  "0e01": [1, function (d, b, i) { d.buzzer_status = b[i] === 0 ? "off" : "on"; }],
  "0ecc": linePeriod(4),
  "0ee4": [5, function (d, b, i) { d.dwell_time_avg = u16(b, i + 1); d.dwell_time_max = u16(b, i + 3); }],
  "0f85": [4, function (d, b, i) { d.timestamp = u32(b, i); }],
  "0fe3": [4, function (d, b, i) { for (var r = 0; r < 4; r++) d["region_" + (r + 1) + "_count"] = b[i + r]; }],
  "10e4": [5, function (d, b, i) {
    d["region_" + b[i] + "_avg_dwell"] = u16(b, i + 1);
    d["region_" + b[i] + "_max_dwell"] = u16(b, i + 3);
  }],
  "8367": [3, function (d, b, i, m) {
    d.temperature = tenths(i16(b, i));
    if (m === "ws203") d.temperature_abnormal = b[i + 2] === 0 ? "normal" : "abnormal";
    else d.temperature_alarm = ALARM[b[i + 2]] || "unknown";
  }],
  "84cc": [5, function (d, b, i) {
    d.total_in = u16(b, i);
    d.total_out = u16(b, i + 2);
    d.total_count_alarm = ALARM[b[i + 4]] || "unknown";
  }],
  "85cc": [5, function (d, b, i) {
    d.period_in = u16(b, i);
    d.period_out = u16(b, i + 2);
    d.period_count_alarm = ALARM[b[i + 4]] || "unknown";
  }],
  "ff01": [1, function (d, b, i) { d.protocol_version = b[i]; }],
  "ff08": [6, function (d, b, i) { d.sn = hex(b, i, i + 6); }],
  "ff09": [2, function (d, b, i) { d.hardware_version = b[i] + "." + (b[i + 1] >> 4 || b[i + 1] & 15); }],
  "ff0b": [1, function (d) { d.device_status = "on"; }],
  "ff16": [8, function (d, b, i) { d.sn = hex(b, i, i + 8); }],
  "ff1f": [4, function (d, b, i) { d.firmware_version = [b[i], b[i + 1], b[i + 2], b[i + 3]].join("."); }]
};

// Who crossed a line, in all: in four bytes, as VS132, VS133 and VS135 count.
function lineTotal(line, way) {
  return [4, function (d, b, i, m) {
    d[m === "vs132" ? "total_counter_" + way : "line_" + line + "_total_" + way] = u32(b, i);
  }];
}

function linePeriod(line) {
  return [4, function (d, b, i) {
    d["line_" + line + "_period_in"] = u16(b, i);
    d["line_" + line + "_period_out"] = u16(b, i + 2);
  }];
}

function regionCounts(first) {
  return function (d, b, i) { for (var r = 0; r < 8; r++) d["region_" + (first + r) + "_count"] = b[i + r]; };
}

function directions(from) {
  return function (d, b, i) {
    ["a", "b", "c", "d"].forEach(function (to, n) { d[from + "_to_" + to] = u16(b, i + 2 * n); });
  };
}

// What a room sensor measured at one time: its records end where the model has no more.
function airRecord(b, i, m, inMicrograms) {
  var record = { temperature: tenths(i16(b, i + 4)), humidity: u16(b, i + 6) / 2, pir: pir(b[i + 8]), light_level: b[i + 9] };
  record.co2 = u16(b, i + 10);
  record.tvoc = inMicrograms ? u16(b, i + 12) : u16(b, i + 12) / 100;
  record.pressure = tenths(u16(b, i + 14));
  if (m !== "am307") { record.pm2_5 = u16(b, i + 16); record.pm10 = u16(b, i + 18); }
  return record;
}

var AIR_RECORD_BYTES = { am307: 16, am308: 20, am319: 22 };

// One record of what was kept while there was no network: its length, or 0 where it is none that is known.
function history(records, b, i, m, inMicrograms) {
  var left = b.length - i;
  var record = {};
  if (AIR_RECORD_BYTES[m] && left >= AIR_RECORD_BYTES[m]) {
    record = airRecord(b, i, m, inMicrograms);
    left = AIR_RECORD_BYTES[m];
  } else if (left >= 7 && m === "em320") {
    record.temperature = tenths(i16(b, i + 4));
    record.humidity = b[i + 6] / 2;
    left = 7;
  } else if (left >= 8 && (m === "em300" || (m === "" && (left === 8 || next(b, i + 8))))) {
    record.temperature = tenths(i16(b, i + 4));
    record.humidity = b[i + 6] / 2;
    // The last byte is of sensors that also watch doors or water.
    left = 8;
  } else if (left >= 13 && b[i + 4] === 1 && (isAtDoor(m) || (m === "" && (left === 13 || next(b, i + 13))))) {
    record.period_in = u16(b, i + 5);
    record.period_out = u16(b, i + 7);
    record.total_in = u16(b, i + 9);
    record.total_out = u16(b, i + 11);
    left = 13;
  } else if (left >= 9 && isAtDoor(m)) {
    record.period_in = u16(b, i + 5);
    record.period_out = u16(b, i + 7);
    left = 9;
  } else if (left >= 9 && (m === "ws203" || m === "")) {
    record.report_type = REPORT[b[i + 4]] || "unknown";
    record.occupancy = occupancy(b[i + 5]);
    record.temperature = tenths(i16(b, i + 6));
    record.humidity = b[i + 8] / 2;
    left = 9;
  } else {
    return 0;
  }
  record.timestamp = u32(b, i);
  records.push(record);
  return left;
}

function next(b, i) { return b[i] === 0x20 && b[i + 1] === 0xce; }

function decodeUplink(input) {
  var bytes = input.bytes;
  var device = model(input);
  var data = {};
  var records = [];
  var warnings = [];
  for (var i = 0; i < bytes.length;) {
    var channel = hex(bytes, i, i + 2);
    var known = Object.prototype.hasOwnProperty.call(KNOWN, channel) ? KNOWN[channel] : null;
    var taken = known ? known[0] : 0;
    if (channel === "20ce") taken = history(records, bytes, i + 2, device, false);
    // Those whose gas is in micrograms.
    if (channel === "21ce" && AIR_RECORD_BYTES[device]) taken = history(records, bytes, i + 2, device, true);
    if (taken === 0 || i + 2 + taken > bytes.length) {
      // How long it is can't be known, so what follows can't be read either.
      warnings.push("from byte " + i + " on nothing is known: channel " + channel);
      break;
    }
    if (known) known[1](data, bytes, i + 2, device);
    i += 2 + taken;
  }
  if (records.length > 0) data.history = records;
  if (warnings.length > 0 && Object.keys(data).length === 0) return { errors: warnings };
  return { data: data, warnings: warnings };
}

// Uplinks of Milesight's sensors: triples of channel, type and value. Written for Spacehook from the facts of the vendor's
// user guides. The words are the vendor's own, so that what it publishes can be compared.
//
// Some channels mean other things on other devices. `input.variables.device` (the name of the device, or of its model) says
// which it is where it begins with the model (vs351-lobby); where it does not, the more common meaning is taken.

var ALARM = ["threshold alarm release", "threshold alarm", "", "high temperature alarm", "high temperature alarm release"];
var REPORT = ["temperature resume", "temperature threshold", "pir idle", "pir occupancy", "period"];

function u16(b, i) { return b[i] | (b[i + 1] << 8); }
function i16(b, i) { return (u16(b, i) << 16) >> 16; }
function u32(b, i) { return (u16(b, i) | (u16(b, i + 2) << 16)) >>> 0; }
function tenths(n) { return Math.round(n) / 10; }
function hex(b, from, to) {
  return b.slice(from, to).map(function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
}
function occupancy(byte) { return byte === 0 ? "vacant" : "occupied"; }
function pir(byte) { return byte === 0 ? "idle" : "trigger"; }

function model(input) {
  var name = String((input.variables && input.variables.device) || "").toLowerCase();
  var found = /^(am|em|vs|ws)-?(\d{3})/.exec(name);
  return found ? found[1] + found[2] : "";
}

// By channel and type: how many bytes, and what they say.
var KNOWN = {
  "0175": [1, function (d, b, i) { d.battery = b[i]; }],
  "0282": [2, function (d, b, i) { d.distance = u16(b, i); }],
  "0300": [1, function (d, b, i, m) { if (m === "ws202") d.pir = pir(b[i]); else d.occupancy = occupancy(b[i]); }],
  "0367": [2, function (d, b, i) { d.temperature = tenths(i16(b, i)); }],
  "038e": [1, function (d, b, i) { d.occupancy = occupancy(b[i]); }],
  "0400": [1, function (d, b, i) { d.daylight = b[i] === 0 ? "dark" : "light"; }],
  "0468": [1, function (d, b, i) { d.humidity = b[i] / 2; }],
  "048e": [1, function (d, b, i) { d.calibration_status = b[i] === 0 ? "failed" : "success"; }],
  "04c9": [4, function (d, b, i) {
    d.people_count_all = b[i];
    d.region_count = b[i + 1];
    var regions = (b[i + 2] << 8) | b[i + 3];
    for (var r = 0; r < b[i + 1]; r++) d["region_" + (r + 1)] = (regions >> r) & 1;
  }],
  "04cc": [4, function (d, b, i) { d.total_in = u16(b, i); d.total_out = u16(b, i + 2); }],
  "0500": [1, function (d, b, i, m) { if (m === "ws203") d.occupancy = occupancy(b[i]); else d.pir = pir(b[i]); }],
  "05cc": [4, function (d, b, i, m) {
    var what = m === "vs121" ? "people" : "period";
    d[what + "_in"] = u16(b, i);
    d[what + "_out"] = u16(b, i + 2);
  }],
  "05fd": [2, function (d, b, i) { d.people_total_counts = u16(b, i); }],
  "06cb": [1, function (d, b, i) { d.light_level = b[i]; }],
  "06cd": [1, function (d, b, i) { d.people_count_max = b[i]; }],
  "06fe": [4, function (d, b, i) { d.region_mask = u32(b, i); }],
  "077d": [2, function (d, b, i) { d.co2 = u16(b, i); }],
  "07d5": [8, regionCounts(1)],
  "07ff": [1, function (d, b, i) { d.illuminance_status = b[i] === 0 ? "dim" : "bright"; }],
  "087d": [2, function (d, b, i) { d.tvoc = u16(b, i) / 100; }],
  "08d5": [8, regionCounts(9)],
  "08f4": [2, function (d, b, i) { d.detection_status = b[i + 1]; }],
  "0973": [2, function (d, b, i) { d.pressure = tenths(u16(b, i)); }],
  "09da": [8, directions("a")],
  "0ada": [8, directions("b")],
  "0aef": [4, function (d, b, i) { d.timestamp = u32(b, i); }],
  "0bda": [8, directions("c")],
  "0cda": [8, directions("d")],
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
  "ff09": [2, function (d, b, i) { d.hardware_version = b[i] + "." + (b[i + 1] >> 4); }],
  "ff0b": [1, function (d) { d.device_status = "on"; }],
  "ff16": [8, function (d, b, i) { d.sn = hex(b, i, i + 8); }],
  "ff1f": [4, function (d, b, i) { d.firmware_version = [b[i], b[i + 1], b[i + 2], b[i + 3]].join("."); }]
};

function regionCounts(first) {
  return function (d, b, i) { for (var r = 0; r < 8; r++) d["region_" + (first + r) + "_count"] = b[i + r]; };
}

function directions(from) {
  return function (d, b, i) {
    ["a", "b", "c", "d"].forEach(function (to, n) { d[from + "_to_" + to] = u16(b, i + 2 * n); });
  };
}

// One record of what was kept while there was no network: its length, or 0 where it is none that is known.
function history(records, b, i, m) {
  var left = b.length - i;
  var record = {};
  if (left >= 8 && (m === "em300" || (m === "" && (left === 8 || next(b, i + 8))))) {
    record.temperature = tenths(i16(b, i + 4));
    record.humidity = b[i + 6] / 2;
    // The last byte is of sensors that also watch doors or water.
    left = 8;
  } else if (left >= 13 && b[i + 4] === 1 && (m === "vs351" || (m === "" && (left === 13 || next(b, i + 13))))) {
    record.period_in = u16(b, i + 5);
    record.period_out = u16(b, i + 7);
    record.total_in = u16(b, i + 9);
    record.total_out = u16(b, i + 11);
    left = 13;
  } else if (left >= 9 && m === "vs351") {
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
    if (channel === "20ce") taken = history(records, bytes, i + 2, device);
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

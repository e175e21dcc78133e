// SPDX-License-Identifier: Apache-2.0

/// A page in the text format of Prometheus, version 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    /// Adds a metric with all its series; one without any is announced all the same.
    mutating func add(_ family: MetricFamily, _ series: [(labels: [String], reading: Reading)]) {
        text += "# HELP \(family.name) \(family.help)\n"
        text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
        for (values, reading) in series {
            let labels = Array(zip(family.labels, values))
            switch reading {
            case .value(let value): line(family.name, labels, value)
            case .distribution(let bounds, let counts, let sum):
                var total = 0
                for (bound, count) in zip(bounds, counts) {
                    total += count
                    line(
                        family.name + "_bucket", labels + [("le", Self.number(bound))],
                        Double(total))
                }
                total += counts.last ?? 0
                line(family.name + "_bucket", labels + [("le", "+Inf")], Double(total))
                line(family.name + "_sum", labels, sum)
                line(family.name + "_count", labels, Double(total))
            }
        }
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
            text += "{" + pairs.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Whole numbers without a fraction, as people write them.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// A label's value may hold anything: backslash, quote and line feed are escaped.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

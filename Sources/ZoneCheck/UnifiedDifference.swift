// SPDX-License-Identifier: Apache-2.0

/// Two texts side by side, as `diff -u` shows them.
package enum UnifiedDifference {
    /// Unchanged lines around each change.
    private static let context = 3

    /// Empty for texts whose lines are the same.
    package static func text(
        from before: [String], to after: [String], named names: (before: String, after: String)
    ) -> String {
        var start = 0
        while start < min(before.count, after.count), before[start] == after[start] { start += 1 }
        var tail = 0
        while tail < min(before.count, after.count) - start,
            before[before.count - 1 - tail] == after[after.count - 1 - tail]
        {
            tail += 1
        }
        let old = before[start..<before.count - tail]
        let new = after[start..<after.count - tail]
        guard !old.isEmpty || !new.isEmpty else { return "" }
        let lines = Self.lines(Array(old), Array(new))
        let all =
            before[..<start].map { Line(.kept, $0) } + lines
            + before[(before.count - tail)...].map { Line(.kept, $0) }
        return (["--- \(names.before)", "+++ \(names.after)"] + hunks(all))
            .joined(separator: "\n") + "\n"
    }

    private struct Line {
        enum Kind: String {
            case kept = " "
            case gone = "-"
            case new = "+"
        }
        let kind: Kind
        let text: String

        init(_ kind: Kind, _ text: String) {
            self.kind = kind
            self.text = text
        }
    }

    private static func lines(_ old: [String], _ new: [String]) -> [Line] {
        let difference = new.difference(from: old)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [Line] = []
        var place = 0
        for (index, text) in old.enumerated() {
            if removed.contains(index) {
                lines.append(Line(.gone, text))
                continue
            }
            while inserted.contains(place) {
                lines.append(Line(.new, new[place]))
                place += 1
            }
            lines.append(Line(.kept, text))
            place += 1
        }
        return lines + new[place...].map { Line(.new, $0) }
    }

    private static func hunks(_ lines: [Line]) -> [String] {
        var hunks: [String] = []
        var index = 0
        var positions = (old: 1, new: 1)
        while let change = lines[index...].firstIndex(where: { $0.kind != .kept }) {
            let start = max(index, change - context)
            positions.old += start - index
            positions.new += start - index
            var end = change
            var quiet = 0
            var next = change
            while next < lines.count, quiet <= 2 * context {
                quiet = lines[next].kind == .kept ? quiet + 1 : 0
                next += 1
                if quiet == 0 { end = next }
            }
            end = min(lines.count, end + context)
            let part = lines[start..<end]
            let counts = (
                old: part.count { $0.kind != .new }, new: part.count { $0.kind != .gone }
            )
            hunks.append(
                "@@ -\(positions.old),\(counts.old) +\(positions.new),\(counts.new) @@")
            hunks += part.map { $0.kind.rawValue + $0.text }
            positions.old += counts.old
            positions.new += counts.new
            index = end
        }
        return hunks
    }
}

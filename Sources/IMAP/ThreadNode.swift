// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// What THREAD needs to know of a message (RFC 5256 §3).
package struct ThreadRecord: Hashable, Sendable {
    /// The UID or sequence number that is answered.
    package var number: UInt32
    /// The Date field in UTC, INTERNALDATE if there is none (§2.2).
    package var date: Timestamp
    /// The base subject (§2.1), folded by `i;unicode-casemap`.
    package var subject: [UInt8]
    /// The subject had a "Re:" or "Fwd:" that the base subject lost.
    package var isReply: Bool
    /// Normalized, without angle brackets; nil if there is none that is valid.
    package var messageID: [UInt8]?
    /// Of References, else the first of In-Reply-To, oldest first.
    package var references: [[UInt8]]

    package init(
        number: UInt32, date: Timestamp, subject: [UInt8] = [], isReply: Bool = false,
        messageID: [UInt8]? = nil, references: [[UInt8]] = []
    ) {
        self.number = number
        self.date = date
        self.subject = subject
        self.isReply = isReply
        self.messageID = messageID
        self.references = references
    }
}

/// A message and what answers it.
package struct ThreadNode: Hashable, Sendable {
    /// nil: a message that is not here holds its answers together.
    package var number: UInt32?
    package var children: [ThreadNode]

    package init(_ number: UInt32?, _ children: [ThreadNode] = []) {
        self.number = number
        self.children = children
    }
}

extension Thread.Algorithm {
    /// The threads of the messages (RFC 5256 §3).
    package func threads(_ records: [ThreadRecord]) -> [ThreadNode] {
        switch self {
        case .orderedSubject: Self.byOrderedSubject(records)
        case .references:
            ReferenceThreading(records).threads()
        }
    }

    /// ORDEREDSUBJECT: the first message of a subject, and all others of it as its children.
    private static func byOrderedSubject(_ records: [ThreadRecord]) -> [ThreadNode] {
        let sorted = records.sorted { left, right in
            left.subject == right.subject
                ? isBefore(left, right)
                : left.subject.lexicographicallyPrecedes(right.subject)
        }
        var groups: [ArraySlice<ThreadRecord>] = []
        var start = 0
        for index in sorted.indices
        where index + 1 == sorted.count
            || sorted[index + 1].subject != sorted[start].subject
        {
            groups.append(sorted[start...index])
            start = index + 1
        }
        groups.sort { isBefore($0[$0.startIndex], $1[$1.startIndex]) }
        return groups.map { group in
            ThreadNode(
                group[group.startIndex].number, group.dropFirst().map { ThreadNode($0.number) })
        }
    }

    fileprivate static func isBefore(_ left: ThreadRecord, _ right: ThreadRecord) -> Bool {
        left.date == right.date ? left.number < right.number : left.date < right.date
    }
}

/// REFERENCES (RFC 5256 §3), step by step.
///
/// Nodes are places in arrays: messages first, then those that are only named.
private struct ReferenceThreading {
    private let records: [ThreadRecord]
    private var parents: [Int?]
    private var children: [[Int]] = []
    private var roots: [Int] = []

    /// Longer chains are cut: a tree is never deeper, and no message costs more than this.
    private static let maximumDepth = 200
    /// Of longer lists of references the last count, which are nearest.
    private static let maximumReferences = 64

    init(_ records: [ThreadRecord]) {
        self.records = records
        parents = Array(repeating: nil, count: records.count)
    }

    consuming func threads() -> [ThreadNode] {
        link()
        gather()
        // Step 3.
        var kept: [Int] = []
        for root in roots { kept += pruned(root, isRoot: true) }
        // Steps 4 to 6: subjects are looked at in the order of dates.
        roots = sorted(kept)
        mergeSubjects()
        return sorted(roots).map(tree)
    }

    // MARK: Step 1

    private mutating func link() {
        var nodes: [[UInt8]: Int] = [:]
        for (index, record) in records.enumerated() {
            // 1.A: of several messages with one identifier the first has it.
            if let identifier = record.messageID, nodes[identifier] == nil {
                nodes[identifier] = index
            }
        }
        for (index, record) in records.enumerated() {
            var last: Int?
            for reference in record.references.suffix(Self.maximumReferences) {
                let node: Int
                if let known = nodes[reference] {
                    node = known
                } else {
                    node = parents.count
                    parents.append(nil)
                    nodes[reference] = node
                }
                // An existing link is not changed, and no circle is closed.
                if let last, parents[node] == nil, mayLink(node, below: last) {
                    parents[node] = last
                }
                last = node
            }
            // 1.B: the message's own list knows best.
            parents[index] = nil
            if let last, mayLink(index, below: last) { parents[index] = last }
        }
    }

    private func mayLink(_ node: Int, below parent: Int) -> Bool {
        var above: Int? = parent
        for _ in 0..<Self.maximumDepth {
            guard let place = above else { return true }
            if place == node { return false }
            above = parents[place]
        }
        return false
    }

    /// Step 2; what is too deep begins a thread of its own, so that no recursion is deeper.
    private mutating func gather() {
        children = Array(repeating: [], count: parents.count)
        for (node, parent) in parents.enumerated() {
            if let parent { children[parent].append(node) } else { roots.append(node) }
        }
        var waiting = roots.map { (node: $0, depth: 0) }
        while let (node, depth) = waiting.popLast() {
            var nextDepth = depth + 1
            if nextDepth == Self.maximumDepth {
                roots += children[node]
                waiting += children[node].map { ($0, 0) }
                children[node] = []
                nextDepth = 0
            }
            waiting += children[node].map { ($0, nextDepth) }
        }
    }

    // MARK: Steps 3, 4 and 6

    private func isDummy(_ node: Int) -> Bool { node >= records.count }

    /// What stands for a node after those without a message are gone.
    private mutating func pruned(_ node: Int, isRoot: Bool) -> [Int] {
        var kept: [Int] = []
        for child in children[node] { kept += pruned(child, isRoot: false) }
        children[node] = kept
        guard isDummy(node) else { return [node] }
        // At the root several children need somebody to hold them.
        return isRoot && children[node].count > 1 ? [node] : children[node]
    }

    /// By date, then number, with all that is below them.
    ///
    /// A node without a message has the date of its first child.
    private mutating func sorted(_ nodes: [Int]) -> [Int] {
        for node in nodes { children[node] = sorted(children[node]) }
        return nodes.sorted { Thread.Algorithm.isBefore(record(of: $0), record(of: $1)) }
    }

    private func record(of node: Int) -> ThreadRecord {
        var node = node
        while isDummy(node) { node = children[node][0] }
        return records[node]
    }

    // MARK: Step 5

    private mutating func mergeSubjects() {
        var table: [[UInt8]: Int] = [:]
        for root in roots {
            let subject = record(of: root).subject
            if subject.isEmpty { continue }
            guard let held = table[subject] else {
                table[subject] = root
                continue
            }
            // 5.B: rather one without a message, and rather no reply.
            let isBetter =
                (isDummy(root) && !isDummy(held))
                || (!isDummy(root) && !isDummy(held) && records[held].isReply
                    && !records[root].isReply)
            if isBetter { table[subject] = root }
        }
        var result: [Int] = []
        // A thread that was merged into another, which stands in its place.
        var replaced: [Int: Int] = [:]
        for root in roots {
            let subject = record(of: root).subject
            guard !subject.isEmpty, let held = table[subject], held != root else {
                result.append(root)
                continue
            }
            if let holder = merge(root, into: held) {
                table[subject] = holder
                replaced[held] = holder
            }
        }
        roots = result.map { replaced[$0] ?? $0 }
    }

    /// 5.C; the new node if one is made to hold both.
    private mutating func merge(_ root: Int, into held: Int) -> Int? {
        if isDummy(held) {
            if isDummy(root) {
                children[held] += children[root]
            } else {
                children[held].append(root)
            }
            return nil
        }
        if !isDummy(root), records[root].isReply, !records[held].isReply {
            children[held].append(root)
            return nil
        }
        parents.append(nil)
        children.append([held, root])
        return parents.count - 1
    }

    // MARK: The result

    private func tree(_ node: Int) -> ThreadNode {
        ThreadNode(isDummy(node) ? nil : records[node].number, children[node].map(tree))
    }
}

extension ResponseWriter {
    /// ```abnf
    /// thread-data    = "THREAD" [SP 1*thread-list]                        ; RFC 5256 §5
    /// thread-list    = "(" (thread-members / thread-nested) ")"
    /// thread-members = nz-number *(SP nz-number) [SP thread-nested]
    /// thread-nested  = 2*thread-list
    /// ```
    package mutating func threads(_ threads: [ThreadNode]) {
        octets.append(threads.isEmpty ? "* THREAD" : "* THREAD ")
        for thread in threads { write(thread) }
        endLine()
    }

    private mutating func write(_ thread: ThreadNode) {
        octets.append("(")
        var node = thread
        if let number = node.number { self.number(number) }
        while node.children.count == 1 {
            node = node.children[0]
            if let number = node.number {
                octets.append(.space)
                self.number(number)
            }
        }
        if !node.children.isEmpty {
            if thread.number != nil { octets.append(.space) }
            for child in node.children { write(child) }
        }
        octets.append(")")
    }
}

// SPDX-License-Identifier: Apache-2.0

/// One line that LIST or LSUB answers.
package struct ListAnswer: Hashable, Sendable {
    package var mailbox: MailboxName
    package var attributes: MailboxAttributes
    package var uses: [SpecialUse]
    /// CHILDINFO: a mailbox below it is subscribed (RFC 5258 §3.5).
    package var hasSubscribedChild = false
    /// It is there and was asked for itself: only then STATUS or METADATA follow (RFC 5819 §2).
    package var isSelectable: Bool
}

/// A name that LIST may answer: a mailbox, a subscription, or both.
package struct ListCandidate: Hashable, Sendable {
    package var mailbox: MailboxName
    /// There is a mailbox of that name, and the client may know of it.
    package var exists: Bool
    package var isSubscribed: Bool
    package var uses: [SpecialUse]

    package init(
        _ mailbox: MailboxName, exists: Bool = true, isSubscribed: Bool = false,
        uses: [SpecialUse] = []
    ) {
        self.mailbox = mailbox
        self.exists = exists
        self.isSubscribed = isSubscribed
        self.uses = uses
    }
}

extension List {
    /// Whether the hierarchy's delimiter is asked for, and nothing else (RFC 9051 §6.3.9).
    package var asksForDelimiter: Bool { !isExtended && patterns == [""] }

    /// What is answered, in the order of the names (RFC 5258 §3, RFC 3501 §6.3.9 for LSUB).
    ///
    /// `candidates`: every mailbox and subscription of the user, each name once. `isRevision2`:
    /// the client knows \NonExistent; else \Noselect comes with it.
    package func answers(
        over candidates: [ListCandidate], isRevision2: Bool
    ) -> [ListAnswer] {
        let patterns = patterns.map { ListPattern(reference: reference, pattern: $0) }
        let isMatch = { (name: MailboxName) in patterns.contains { $0.matches(name) } }
        var known = [MailboxName: ListCandidate]()
        var parents = Set<MailboxName>()
        for candidate in candidates {
            known[candidate.mailbox] = candidate
            guard candidate.exists else { continue }
            var name = candidate.mailbox
            while let parent = name.parent, parents.insert(parent).inserted { name = parent }
        }
        let selected = candidates.filter(isSelected)
        var answers: [ListAnswer] = []
        for candidate in selected where isMatch(candidate.mailbox) {
            answers.append(answer(candidate, parents, isRevision2))
        }
        let (superiors, noted) = superiors(of: selected) { name in
            patterns.contains {
                (!isSubscribedList || $0.endsWithinLevel) && $0.matches(name)
            }
        }
        for superior in superiors {
            let candidate = known[superior] ?? ListCandidate(superior, exists: false)
            guard !isSelected(candidate) else { continue }
            var answer = answer(candidate, parents, isRevision2)
            // RFC 5819 §2, RFC 9590 §3: it is there for those below it alone.
            answer.isSelectable = false
            answers.append(answer)
        }
        if selection.contains(.recursiveMatch) {
            for index in answers.indices where noted.contains(answers[index].mailbox) {
                answers[index].hasSubscribedChild = true
            }
        }
        return answers.sorted {
            $0.mailbox.text.utf8.lexicographicallyPrecedes($1.mailbox.text.utf8)
        }
    }

    private func isSelected(_ candidate: ListCandidate) -> Bool {
        if isSubscribedList || selection.contains(.subscribed) {
            guard candidate.isSubscribed else { return false }
        } else {
            guard candidate.exists else { return false }
        }
        return !selection.contains(.specialUse) || !candidate.uses.isEmpty
    }

    /// Names above what is selected that match where it does not, and all that are above it.
    ///
    /// Without options: levels that have no mailbox themselves (RFC 3501 §6.3.8). With
    /// RECURSIVEMATCH: every one (RFC 5258 §3.5). LSUB: as `%` asks (RFC 3501 §6.3.9).
    private func superiors(
        of selected: [ListCandidate], _ isMatch: (MailboxName) -> Bool
    ) -> (matching: [MailboxName], all: Set<MailboxName>) {
        let isPlain = selection.subtracting(.remote).isEmpty
        guard isPlain || selection.contains(.recursiveMatch) else { return ([], []) }
        var matching: [MailboxName] = []
        var added = Set<MailboxName>()
        var above = Set<MailboxName>()
        for candidate in selected {
            // Those that are listed anyway need nobody to speak for them.
            let isListed = isMatch(candidate.mailbox)
            var name = candidate.mailbox
            while let parent = name.parent {
                name = parent
                above.insert(parent)
                if !isListed, isMatch(parent), added.insert(parent).inserted {
                    matching.append(parent)
                }
            }
        }
        return (matching, above)
    }

    private func answer(
        _ candidate: ListCandidate, _ parents: Set<MailboxName>, _ isRevision2: Bool
    ) -> ListAnswer {
        var attributes: MailboxAttributes = []
        if !candidate.exists {
            // RFC 5258 §3: \NonExistent means \Noselect, which older clients do not know.
            attributes.insert(.nonExistent)
            if !isRevision2, !isExtended { attributes = .noSelect }
        }
        if !isSubscribedList {
            attributes.insert(parents.contains(candidate.mailbox) ? .hasChildren : .hasNoChildren)
        }
        let tellsSubscription = selection.contains(.subscribed) || returns.contains(.subscribed)
        if tellsSubscription, candidate.isSubscribed { attributes.insert(.subscribed) }
        // RFC 6154 §2: also without being asked, for who knows only plain LIST.
        let tellsUses =
            returns.contains(.specialUse) || selection.contains(.specialUse)
            || (!isExtended && !isSubscribedList)
        if isSubscribedList, !candidate.isSubscribed {
            // RFC 3501 §6.3.9: it is not subscribed itself.
            attributes = .noSelect
        }
        return ListAnswer(
            mailbox: candidate.mailbox, attributes: attributes,
            uses: tellsUses ? candidate.uses : [], isSelectable: candidate.exists)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Answers queries from zones: the algorithm of RFC 1034 §4.3.2, without its recursion.
///
/// A pure function of query and zones; a value of this type only keeps memory for the next
/// response.
package struct Responder: Sendable {
    private var writer = MessageWriter()
    private var flags = Header(id: 0)
    private var isComplete = true
    private var code = ResponseCode.noError
    /// Names whose addresses help, in the order of the answer.
    private var helpful: [Name] = []

    /// As many aliases as are followed within our own zones.
    static let maximumAliases = 16
    /// More hosts' addresses than this help nobody.
    private static let maximumHelpful = 32
    /// RFC 1035 §4.2.1: without EDNS.
    private static let plainOctets = 512

    package init() {}

    /// The response, or nil when there is none.
    ///
    /// Over a stream (`isStream`) it may have 65,535 octets; in a datagram 512, or what EDNS
    /// offers up to 1,232. What does not fit is left out by whole sets and said by TC.
    package mutating func respond(
        to octets: [UInt8], from zones: ZoneSet, isStream: Bool
    ) -> [UInt8]? {
        guard let query = Query(parsing: octets) else { return nil }
        begin(query, isStream: isStream)
        if query.verdict == .noError, let question = query.question {
            answer(question, from: zones, isStream: isStream)
        }
        finish(query)
        return writer.octets
    }

    private mutating func begin(_ query: Query, isStream: Bool) {
        flags = Header(id: query.header.id)
        flags.flags = query.header.flags & 0x7800
        flags.isResponse = true
        flags.isRecursionDesired = query.header.isRecursionDesired
        code = query.verdict
        isComplete = true
        helpful.removeAll(keepingCapacity: true)
        var limit = Self.plainOctets
        if let edns = query.edns {
            limit = Int(min(max(edns.payloadOctets, 512), ExtendedDNS.safePayloadOctets))
        }
        writer.begin(flags, limit: isStream ? Message.maximumOctets : limit)
        if query.edns != nil { writer.reserve(MessageWriter.octets(of: ExtendedDNS())) }
        if let question = query.question { _ = writer.write(question) }
    }

    private mutating func finish(_ query: Query) {
        flags.responseCode = code
        flags.isTruncated = !isComplete
        writer.setFlags(flags.flags)
        guard let asked = query.edns else { return }
        let edns = ExtendedDNS(wantsSignatures: asked.wantsSignatures)
        writer.reserve(-MessageWriter.octets(of: edns))
        _ = writer.write(edns, code)
    }

    private mutating func answer(_ question: Question, from zones: ZoneSet, isStream: Bool) {
        guard question.class == .internet || question.class == .any else {
            code = .refused
            return
        }
        var name = question.name
        for step in 0...Self.maximumAliases {
            // RFC 4035 §3.1.4.1: a DS record belongs to the parent's side of the cut.
            let above = question.type == .ds ? zones.nearest(to: name, isAbove: true) : nil
            guard let zone = above ?? zones.nearest(to: name) else {
                // The rest of an alias is for the asker to find.
                if step == 0 { code = .refused }
                break
            }
            guard
                let next = look(
                    up: name, question.type, in: zone, isFirst: step == 0, isStream: isStream)
            else { break }
            name = next
        }
        if isComplete { addAddresses(from: zones) }
    }

    /// Answers from one zone; returns the name that an alias leads to.
    private mutating func look(
        up name: Name, _ type: RecordType, in zone: Zone, isFirst: Bool, isStream: Bool
    ) -> Name? {
        for above in zone.path(to: name) {
            guard let node = zone.node(above) else { break }
            if let cut = node[.ns], above != name || type != .ds {
                refer(to: cut, zone)
                return nil
            }
            if above != name, let redirection = node[.dname] {
                if isFirst { flags.isAuthoritative = true }
                return redirect(name, redirection)
            }
        }
        if isFirst { flags.isAuthoritative = true }
        guard let node = zone.node(name) ?? zone.wildcard(for: name) else {
            deny(zone, .nameError)
            return nil
        }
        if type == .any {
            // RFC 8482 §4.1: in a datagram one set stands for all.
            for set in isStream ? node.sets[...] : node.sets.prefix(1) { add(set, owner: name) }
            helpful.removeAll()
            if node.sets.isEmpty { deny(zone, .noError) }
            return nil
        }
        if let set = node[type] {
            add(set, owner: name)
            return nil
        }
        guard let alias = node[.cname], case .cname(let target)? = alias.records.first?.data else {
            deny(zone, .noError)
            return nil
        }
        add(alias, owner: name)
        return isComplete ? target : nil
    }

    /// A whole set, or TC (RFC 2181 §9).
    private mutating func add(
        _ set: Zone.RecordSet, owner: Name, in section: MessageWriter.Section = .answer
    ) {
        for record in set.records {
            guard writer.write(record, owner: owner, in: section) else {
                isComplete = false
                return
            }
            note(record.data)
        }
    }

    private mutating func note(_ data: RecordData) {
        let name: Name
        switch data {
        case .mx(let mx): name = mx.exchange
        case .ns(let host): name = host
        case .srv(let srv): name = srv.target
        default: return
        }
        if helpful.count < Self.maximumHelpful, !helpful.contains(name) { helpful.append(name) }
    }

    /// RFC 2308 §2: the SOA says for how long the absence may be remembered.
    private mutating func deny(_ zone: Zone, _ code: ResponseCode) {
        self.code = code
        let ttl = min(zone.start.ttl, zone.soa.minimum)
        if !writer.write(zone.start, ttl: ttl, in: .authority) { isComplete = false }
    }

    /// RFC 1034 §4.3.2 step 3b; addresses below the cut must come along (RFC 9471 §2.1).
    private mutating func refer(to cut: Zone.RecordSet, _ zone: Zone) {
        guard let owner = cut.records.first?.owner else { return }
        for record in cut.records {
            guard writer.write(record, in: .authority) else {
                isComplete = false
                return
            }
        }
        for record in cut.records {
            guard case .ns(let host) = record.data, host.isEqualOrBelow(zone.origin),
                let node = zone.node(host)
            else { continue }
            for type in [RecordType.a, .aaaa] {
                for address in node[type]?.records ?? [] {
                    let fits = writer.write(address, in: .additional)
                    if !fits, host.isEqualOrBelow(owner) { isComplete = false }
                }
            }
        }
    }

    /// RFC 6672 §3.2: the DNAME, and the alias that follows from it.
    private mutating func redirect(_ name: Name, _ redirection: Zone.RecordSet) -> Name? {
        guard let record = redirection.records.first, case .dname(let target) = record.data else {
            return nil
        }
        add(redirection, owner: record.owner)
        let kept = name.wire.prefix(name.wire.count - record.owner.wire.count)
        guard kept.count + target.wire.count <= Name.maximumOctets else {
            // RFC 6672 §2.2: YXDOMAIN.
            code = ResponseCode(rawValue: 6)
            return nil
        }
        let next = Name(uncheckedWire: kept + target.wire)
        let alias = ResourceRecord(
            owner: name, type: .cname, ttl: record.ttl, data: .cname(next))
        guard isComplete, writer.write(alias, in: .answer) else {
            isComplete = false
            return nil
        }
        return next
    }

    /// RFC 1035 §3.3.9, §3.3.11, RFC 2782: addresses as a help, without TC when they do not fit.
    private mutating func addAddresses(from zones: ZoneSet) {
        for name in helpful {
            guard let node = zones.nearest(to: name)?.node(name) else { continue }
            for type in [RecordType.a, .aaaa] {
                for record in node[type]?.records ?? [] {
                    guard writer.write(record, in: .additional) else { return }
                }
            }
        }
    }
}

/// The response of `zones` to `query`: RFC 1034 §4.3.2 as a pure function.
///
/// Nil for what gets no reply; many answers in a row are cheaper with one `Responder`.
package func answer(_ query: [UInt8], _ zones: ZoneSet, isStream: Bool = false) -> [UInt8]? {
    var responder = Responder()
    return responder.respond(to: query, from: zones, isStream: isStream)
}

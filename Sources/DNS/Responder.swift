// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// Answers queries from zones: the algorithm of RFC 1034 §4.3.2, without its recursion.
///
/// A pure function of query, zones, policy and asker; a value of this type only keeps memory for
/// the next response, so that answering allocates nothing. One for each thread.
package struct Responder: ~Copyable, @unchecked Sendable {
    /// What a server tells of itself, and what it grants; the same for all its responders.
    package struct Policy: Sendable {
        /// Told to those who ask by NSID (RFC 5001) or `id.server` (RFC 4892); empty: nobody.
        package var identity: [UInt8] = []
        /// Nil: cookies are ignored.
        package var cookies: ServerCookies?
        /// Nil: nobody is limited.
        package var limit: ResponseRateLimit?
        /// How long a connection may be idle (RFC 7828), in tenths of a second.
        package var idleTenths: UInt16 = 100
        /// Somebody else answers transfers, notifications, updates, and whatever is signed.
        package var leavesTransactions = false

        package init() {}
    }

    /// Who asks, how, and when.
    package struct Asker: Sendable {
        /// Nil: nobody in particular, who gets no cookie and is not limited.
        package var address: IPAddress?
        package var isStream: Bool
        package var now: Instant
        /// Since 1970, as cookies count.
        package var seconds: UInt32

        package init(
            address: IPAddress? = nil, isStream: Bool = false,
            now: Instant = Instant(nanoseconds: 0), seconds: UInt32 = 0
        ) {
            self.address = address
            self.isStream = isStream
            self.now = now
            self.seconds = seconds
        }
    }

    package let policy: Policy
    /// That of `policy`: threads that share it must not count its references.
    private let limit: Unmanaged<ResponseRateLimit>?
    var buffer = ResponseBuffer()
    /// The name that is looked for.
    private var name = SoughtName()
    private var code: UInt16 = 0
    private var isAuthoritative = false
    private var isTruncated = false
    /// There is no response, since the request is of those that somebody else answers.
    package private(set) var hasLeft = false
    private var kind = ResponseRateLimit.Kind.error
    private var subject: UInt64 = 0
    /// The names, by hash, that were aliases so far: each is said once.
    private var aliases: [UInt64] = []

    /// RFC 3225 §3: signatures and denials go to those who ask for them.
    private var wantsSignatures = false
    /// The zone whose names' numbers the buffer knows.
    private var anchoredZone: UnsafePointer<CompiledZone.View>?
    private var proofs = Proofs()

    /// As many aliases as are followed within our own zones.
    static let maximumAliases = 16
    /// RFC 1035 §4.2.1: without EDNS.
    private static let plainOctets = 512
    /// No response to a datagram is longer.
    package static let datagramOctets = Int(ExtendedDNS.safePayloadOctets)

    package init(_ policy: Policy = Policy()) {
        self.policy = policy
        limit = policy.limit.map { Unmanaged.passUnretained($0) }
    }

    /// Writes the response and returns its length; 0 when there is none.
    ///
    /// In a stream it may have 65,535 octets; in a datagram 512, or what EDNS offers up to 1,232.
    /// What does not fit is left out by whole sets and said by TC. `response` has room for that.
    package mutating func respond(
        to query: UnsafeRawBufferPointer, into response: UnsafeMutableRawBufferPointer,
        from zones: ZoneSnapshot, for asker: Asker
    ) -> Int {
        // Servers never answer each other, so that no two of them ever talk for ever.
        guard query.count >= Header.octets, let memory = response.baseAddress,
            query[2] & 0x80 == 0
        else { return 0 }
        precondition(
            response.count >= (asker.isStream ? Message.maximumOctets : Self.datagramOctets),
            "a response needs room")
        buffer.begin(in: memory, limit: Self.plainOctets)
        code = 0
        isAuthoritative = false
        isTruncated = false
        kind = .error
        hasLeft = false
        if !aliases.isEmpty { aliases.removeAll(keepingCapacity: true) }
        let asked = AskedQuery(query)
        wantsSignatures = asked.wantsSignatures
        anchoredZone = nil
        proofs.removeAll()
        if let question = asked.question {
            _ = buffer.copy(question, asked.questionOctets)
        }
        let questionEnd = buffer.count
        let hasGoodCookie = isKnown(asked, asker)
        if asked.isTransaction, policy.leavesTransactions {
            guard asker.isStream || hasGoodCookie || isWithinLimit(asker) else { return 0 }
            hasLeft = true
            return 0
        }
        let reserved = reserve(for: asked, asker)
        code = asked.verdict
        if code == 0 {
            if asked.question != nil {
                answer(asked, from: zones, isStream: asker.isStream)
            } else if asked.cookieOctets > ServerCookies.clientOctets, !hasGoodCookie {
                // RFC 7873 §5.4.
                code = ResponseCode.badCookie.rawValue
            }
        }
        if !asker.isStream, !hasGoodCookie, let limit, let address = asker.address,
            // What comes from this machine was not forged elsewhere.
            !address.isLoopback
        {
            let verdict = limit._withUnsafeGuaranteedRef {
                $0.judge(kind, subject, to: address, at: asker.now)
            }
            switch verdict {
            case .send: break
            case .drop: return 0
            case .truncate:
                buffer.clear(to: questionEnd)
                isTruncated = true
            }
        }
        buffer.limit += reserved
        if asked.hasEDNS { writeOPT(asked, asker) }
        finish(query, asked)
        return buffer.count
    }

    private mutating func finish(_ query: UnsafeRawBufferPointer, _ asked: AskedQuery) {
        // QR; opcode and RD come back.
        var flags: UInt16 = 0x8000 | asked.flags & 0x7900 | code & 15
        if isAuthoritative { flags |= 0x0400 }
        if isTruncated { flags |= 0x0200 }
        buffer.finish(
            id: query.loadUnaligned(as: UInt16.self), flags: flags,
            questions: asked.question == nil ? 0 : 1)
    }

    /// Whether a request by datagram that is answered elsewhere is within the limit for errors,
    /// which most of them are that nobody has asked us for.
    private func isWithinLimit(_ asker: Asker) -> Bool {
        guard let limit, let address = asker.address, !address.isLoopback else { return true }
        return limit._withUnsafeGuaranteedRef {
            $0.judge(.error, 0, to: address, at: asker.now) == .send
        }
    }

    // MARK: - EDNS

    /// Whether the asker has shown by a cookie that the address is its own.
    private func isKnown(_ asked: AskedQuery, _ asker: Asker) -> Bool {
        guard let cookie = asked.cookie, asked.cookieOctets == ServerCookies.octets,
            let cookies = policy.cookies, let address = asker.address
        else { return false }
        return cookies.accepts(cookie, from: address, seconds: asker.seconds)
    }

    /// Keeps room back for the OPT record, and says how much.
    private mutating func reserve(for asked: AskedQuery, _ asker: Asker) -> Int {
        var reserved = 0
        if asked.hasEDNS {
            let offered = min(max(Int(asked.payloadOctets), Self.plainOctets), Self.datagramOctets)
            buffer.limit = offered
            reserved = 11
            if asked.cookie != nil, policy.cookies != nil, asker.address != nil {
                reserved += 4 + ServerCookies.octets
            }
            if asked.wantsIdentity, !policy.identity.isEmpty {
                reserved += 4 + policy.identity.count
            }
            if asked.wantsIdleTime, asker.isStream { reserved += 6 }
        }
        if asker.isStream { buffer.limit = Message.maximumOctets }
        buffer.limit -= reserved
        return reserved
    }

    private mutating func writeOPT(_ asked: AskedQuery, _ asker: Asker) {
        let start = buffer.count
        buffer.writeOPT(code: code, wantsSignatures: asked.wantsSignatures)
        if let cookie = asked.cookie, let cookies = policy.cookies, let address = asker.address {
            let data = buffer.writeOption(10, ServerCookies.octets, ofOPTAt: start)
            cookies.write(for: cookie, at: address, seconds: asker.seconds, to: data)
        }
        if asked.wantsIdentity, !policy.identity.isEmpty {
            let data = buffer.writeOption(3, policy.identity.count, ofOPTAt: start)
            policy.identity.withUnsafeBytes { identity in
                guard let base = identity.baseAddress else { return }
                data.copyMemory(from: base, byteCount: identity.count)
            }
        }
        if asked.wantsIdleTime, asker.isStream {
            let data = buffer.writeOption(11, 2, ofOPTAt: start)
            data.storeBytes(of: policy.idleTenths.bigEndian, as: UInt16.self)
        }
    }

    // MARK: - Answers

    private mutating func answer(
        _ asked: AskedQuery, from zones: ZoneSnapshot, isStream: Bool
    ) {
        guard let question = asked.question else { return }
        let length = asked.questionOctets - 4
        name.set(buffer.base + Header.octets, length, copying: question)
        guard
            asked.class == RecordClass.internet.rawValue
                || asked.class == RecordClass.any.rawValue
        else {
            answerChaos(asked)
            return
        }
        var owner = ResponseBuffer.Owner.pointer(ResponseBuffer.questionPointer)
        for step in 0...Self.maximumAliases {
            // RFC 4035 §3.1.4.1: a DS record belongs to the parent's side of the cut.
            let above =
                asked.type == RecordType.ds.rawValue
                ? zones.nearest(to: name, isAbove: true) : nil
            guard let zone = above ?? zones.nearest(to: name, isAbove: false) else {
                // The rest of an alias is for the asker to find.
                if step == 0 { code = ResponseCode.refused.rawValue }
                break
            }
            guard !zone.pointee.isExpired else {
                // RFC 1035 §3.3.13: not authoritative any more; the rest of an alias is left out.
                if step == 0 { code = ResponseCode.serverFailure.rawValue }
                break
            }
            anchor(zone)
            let look = Look(zone: zone, type: asked.type, isFirst: step == 0, isStream: isStream)
            guard let next = take(look, owner, zones) else { break }
            owner = next
        }
        writeProofs()
        // RFC 1034 §3.7.1: of other classes nothing is known here.
        if asked.class == RecordClass.any.rawValue { isAuthoritative = false }
    }

    /// Makes the buffer write names of a zone.
    @inline(__always)
    private mutating func anchor(_ zone: UnsafePointer<CompiledZone.View>) {
        if let anchoredZone, anchoredZone != zone { buffer.forgetAnchors() }
        anchoredZone = zone
    }

    /// One round of the search.
    private struct Look {
        let zone: UnsafePointer<CompiledZone.View>
        let type: UInt16
        let isFirst: Bool
        let isStream: Bool
    }

    /// Answers from one zone; when an alias leads on, `name` is its target afterwards, and the
    /// owner of what is to come is returned.
    private mutating func take(
        _ look: Look, _ owner: ResponseBuffer.Owner, _ zones: ZoneSnapshot
    ) -> ResponseBuffer.Owner? {
        let zone = look.zone
        var place = 0
        var found = find(place, in: zone)
        // The origin exists.
        while found == nil {
            place += 1
            found = find(place, in: zone)
        }
        guard let encloser = found else { return nil }
        if case .pointer(ResponseBuffer.questionPointer) = owner { anchor(encloser, place, zone) }
        let entry = zone.pointee.entries + encloser
        if let barrier = barrier(of: entry, encloser, place, look.type) {
            if zone.pointee.entries[barrier].marks & CompiledZone.Mark.cut != 0 {
                refer(to: barrier, zone)
                return nil
            }
            if look.isFirst { isAuthoritative = true }
            return redirect(owner, barrier, look)
        }
        if look.isFirst { isAuthoritative = true }
        var source = encloser
        if place > 0 {
            // RFC 4592 §3.3.1: a wildcard speaks right below the closest encloser.
            guard entry.pointee.wildcard != 0 else {
                if proves(zone) { proveNameError(encloser, place, zone) }
                deny(zone, .nameError)
                return nil
            }
            source = Int(entry.pointee.wildcard) - 1
            // RFC 4035 §3.1.3.3, RFC 5155 §7.2.6: nothing stands closer than the wildcard.
            if proves(zone) { proveNextCloser(place, zone) }
        }
        // RFC 4035 §3.1.3.1, §3.1.3.4, RFC 5155 §7.2.3, §7.2.5.
        if proves(zone), hasNothing(look, source) {
            proveNoData(encloser, isWildcard: place > 0, zone)
        }
        return answer(from: source, owner, look, zones)
    }

    @inline(__always)
    private func hasNothing(_ look: Look, _ source: Int) -> Bool {
        let entry = look.zone.pointee.entries + source
        if look.type == RecordType.any.rawValue { return entry.pointee.setCount == 0 }
        return entry.pointee.marks & CompiledZone.Mark.cname == 0
            && look.zone.pointee.set(look.type, of: source) == nil
    }

    /// The cut or the DNAME that a name stands at or below, the uppermost one.
    @inline(__always)
    private func barrier(
        of entry: UnsafePointer<CompiledZone.Entry>, _ encloser: Int, _ place: Int, _ type: UInt16
    ) -> Int? {
        if entry.pointee.barrier != 0 { return Int(entry.pointee.barrier) - 1 }
        let marks = entry.pointee.marks
        if marks & CompiledZone.Mark.cut != 0, place > 0 || type != RecordType.ds.rawValue {
            return encloser
        }
        if marks & CompiledZone.Mark.dname != 0, place > 0 { return encloser }
        return nil
    }

    @inline(__always)
    private func find(_ place: Int, in zone: UnsafePointer<CompiledZone.View>) -> Int? {
        zone.pointee.find(
            name.hash(from: place), name.lowercased(from: place), octets: name.octets(from: place))
    }

    /// Lets later names point into the question, as far as it has their letter case.
    private mutating func anchor(
        _ encloser: Int, _ place: Int, _ zone: UnsafePointer<CompiledZone.View>
    ) {
        var number = encloser
        var place = place
        while number != 0 {
            let entry = zone.pointee.entries + number
            if name.isSame(
                from: place, zone.pointee.octets + Int(entry.pointee.wire),
                Int(entry.pointee.octets))
            {
                buffer.anchor(number, zone, at: Header.octets + name.start(place))
                return
            }
            number = Int(entry.pointee.parent)
            place += 1
        }
    }

    private mutating func answer(
        from source: Int, _ owner: ResponseBuffer.Owner, _ look: Look, _ zones: ZoneSnapshot
    ) -> ResponseBuffer.Owner? {
        let zone = look.zone
        kind = .answer
        subject = zone.pointee.entries[source].hash
        if look.type == RecordType.any.rawValue {
            answerAny(source, owner, look)
            return nil
        }
        if let place = zone.pointee.set(look.type, of: source) {
            let set = zone.pointee.sets + place
            if add(set, owner, zone), set.pointee.helpCount > 0,
                look.type != RecordType.dname.rawValue
            {
                writeProofs()
                anchor(zone)
                addAddresses(of: set, zone, zones)
            }
            return nil
        }
        guard zone.pointee.entries[source].marks & CompiledZone.Mark.cname != 0,
            let place = zone.pointee.set(RecordType.cname.rawValue, of: source)
        else {
            deny(zone, .noError)
            return nil
        }
        let alias = zone.pointee.sets + place
        guard isFirstAlias, add(alias, owner, zone) else { return nil }
        let target = zone.pointee.number(
            at: Int(alias.pointee.data) + CompiledZone.Layout.octets)
        let entry = zone.pointee.entries + target
        let wire = zone.pointee.octets + Int(entry.pointee.wire)
        name.set(wire, Int(entry.pointee.octets), copying: wire)
        return ownerOf(offset: buffer.offset(of: target))
    }

    /// RFC 8482 §4.1: in a datagram one set stands for all.
    private mutating func answerAny(
        _ source: Int, _ owner: ResponseBuffer.Owner, _ look: Look
    ) {
        let entry = look.zone.pointee.entries + source
        let first = Int(entry.pointee.firstSet)
        let count = Int(entry.pointee.setCount)
        guard count > 0 else { return deny(look.zone, .noError) }
        // The signatures at a name are one of its sets.
        if look.isStream { wantsSignatures = false }
        for place in first..<first + (look.isStream ? count : 1) {
            guard add(look.zone.pointee.sets + place, owner, look.zone) else { return }
        }
    }

    /// False when the name was an alias before: they lead in a circle.
    private var isFirstAlias: Bool {
        mutating get {
            let hash = name.hash(from: 0)
            guard !aliases.contains(hash) else { return false }
            aliases.append(hash)
            return true
        }
    }

    private func ownerOf(offset: Int?) -> ResponseBuffer.Owner {
        if let offset, offset < 0x4000 { return .pointer(0xC000 | UInt16(offset)) }
        return .wire(name.wire, name.octets(from: 0))
    }

    /// A whole set, or TC (RFC 2181 §9).
    private mutating func add(
        _ set: UnsafePointer<CompiledZone.RecordSet>, _ owner: ResponseBuffer.Owner,
        _ zone: UnsafePointer<CompiledZone.View>
    ) -> Bool {
        if writeSigned(set, owner, zone, in: .answer) { return true }
        isTruncated = true
        return false
    }

    /// A whole set with its signatures, if they are wanted, or nothing and false.
    @inline(__always)
    private mutating func writeSigned(
        _ set: UnsafePointer<CompiledZone.RecordSet>, _ owner: ResponseBuffer.Owner,
        _ zone: UnsafePointer<CompiledZone.View>, ttl: UInt32? = nil,
        in section: ResponseBuffer.Section
    ) -> Bool {
        let mark = buffer.mark
        guard buffer.write(set, of: zone, owner: owner, ownerZone: zone, ttl: ttl, in: section)
        else { return false }
        if sign(set, owner, zone, ttl: ttl, in: section) { return true }
        buffer.goBack(to: mark)
        return false
    }

    /// RFC 4035 §3.1.1: signatures stand where that stands which they cover.
    @inline(__always)
    private mutating func sign(
        _ set: UnsafePointer<CompiledZone.RecordSet>, _ owner: ResponseBuffer.Owner,
        _ zone: UnsafePointer<CompiledZone.View>,
        ownerZone: UnsafePointer<CompiledZone.View>? = nil, ttl: UInt32? = nil,
        in section: ResponseBuffer.Section
    ) -> Bool {
        guard wantsSignatures, set.pointee.signatures != 0 else { return true }
        return buffer.write(
            zone.pointee.sets + Int(set.pointee.signatures - 1), of: zone, owner: owner,
            ownerZone: ownerZone ?? zone, ttl: ttl, in: section)
    }

    /// RFC 2308 §2: the SOA says for how long the absence may be remembered.
    private mutating func deny(
        _ zone: UnsafePointer<CompiledZone.View>, _ code: ResponseCode
    ) {
        self.code = code.rawValue
        kind = .denial
        let origin = Int(zone.pointee.origin)
        subject = zone.pointee.entries[origin].hash
        let start = zone.pointee.sets + zone.pointee.start
        let ttl = zone.pointee.negativeTTL
        if !writeSigned(start, .name(origin), zone, ttl: ttl, in: .authority) { isTruncated = true }
        writeProofs()
    }

    /// RFC 1034 §4.3.2 step 3b; addresses below the cut must come along (RFC 9471 §2.1).
    private mutating func refer(to cut: Int, _ zone: UnsafePointer<CompiledZone.View>) {
        kind = .referral
        subject = zone.pointee.entries[cut].hash
        guard let place = zone.pointee.set(RecordType.ns.rawValue, of: cut) else { return }
        let set = zone.pointee.sets + place
        guard
            buffer.write(
                set, of: zone, owner: .name(cut), ownerZone: zone, in: .authority)
        else {
            isTruncated = true
            return
        }
        if wantsSignatures, !addDelegationSigners(cut, zone) {
            isTruncated = true
            return
        }
        let first = Int(set.pointee.help)
        let hosts = first..<first + Int(set.pointee.helpCount)
        for isBelow in [true, false] {
            for host in hosts {
                let help = zone.pointee.helps[host]
                guard help.source != 0 else { continue }
                let source = Int(help.source) - 1
                let isRequired =
                    source == cut || Int(zone.pointee.entries[source].barrier) == cut + 1
                guard isRequired == isBelow else { continue }
                if !addAddresses(at: source, in: zone, owner: Int(help.name), zone) {
                    isTruncated = isTruncated || isRequired
                    return
                }
            }
        }
    }

    /// RFC 4035 §3.1.4, RFC 5155 §7.2.7: the DS records of a zone below, or that it has none.
    private mutating func addDelegationSigners(
        _ cut: Int, _ zone: UnsafePointer<CompiledZone.View>
    ) -> Bool {
        if let place = zone.pointee.set(RecordType.ds.rawValue, of: cut) {
            return writeSigned(zone.pointee.sets + place, .name(cut), zone, in: .authority)
        }
        if proves(zone) { proveNoData(cut, isWildcard: false, zone) }
        writeProofs()
        return !isTruncated
    }

    /// RFC 6672 §3.2: the DNAME, and the alias that follows from it.
    private mutating func redirect(
        _ owner: ResponseBuffer.Owner, _ place: Int, _ look: Look
    ) -> ResponseBuffer.Owner? {
        let zone = look.zone
        kind = .answer
        subject = zone.pointee.entries[place].hash
        guard let setPlace = zone.pointee.set(RecordType.dname.rawValue, of: place) else {
            return nil
        }
        let set = zone.pointee.sets + setPlace
        guard isFirstAlias else { return nil }
        // Names that grow pass the same DNAME again.
        if !aliases.contains(subject) {
            aliases.append(subject)
            guard add(set, .name(place), zone) else { return nil }
        }
        let target = Int(zone.pointee.helps[Int(set.pointee.help)].name)
        let entry = zone.pointee.entries + target
        let kept = name.octets(from: 0) - Int(zone.pointee.entries[place].octets)
        guard kept + Int(entry.pointee.octets) <= Name.maximumOctets else {
            // RFC 6672 §2.2.
            code = ResponseCode.nameTooLong.rawValue
            return nil
        }
        let offset = buffer.writeAlias(
            owner: owner, ttl: set.pointee.ttl, prefix: name.wire, kept, target: target, of: zone)
        guard let offset else {
            isTruncated = true
            return nil
        }
        name.replaceEnd(
            keeping: kept, with: zone.pointee.octets + Int(entry.pointee.wire),
            Int(entry.pointee.octets))
        // What was asked for is the alias itself.
        if look.type == RecordType.cname.rawValue { return nil }
        return ownerOf(offset: offset)
    }

    // MARK: - Additional section

    /// RFC 1035 §3.3.9, §3.3.11, RFC 2782: addresses as a help, without TC when they do not fit.
    private mutating func addAddresses(
        of set: UnsafePointer<CompiledZone.RecordSet>, _ zone: UnsafePointer<CompiledZone.View>,
        _ zones: ZoneSnapshot
    ) {
        let first = Int(set.pointee.help)
        let takesGlue = set.pointee.type == RecordType.ns.rawValue
        for place in first..<first + Int(set.pointee.helpCount) {
            let help = zone.pointee.helps[place]
            if help.source != 0, !help.isGlue || takesGlue {
                guard
                    addAddresses(
                        at: Int(help.source) - 1, in: zone, owner: Int(help.name), zone)
                else { return }
            } else if zones.count > 1 {
                guard addForeignAddresses(of: Int(help.name), zone, zones) else { return }
            }
        }
    }

    /// Addresses of a host that another of our zones holds.
    private mutating func addForeignAddresses(
        of host: Int, _ zone: UnsafePointer<CompiledZone.View>, _ zones: ZoneSnapshot
    ) -> Bool {
        let entry = zone.pointee.entries + host
        let wire = zone.pointee.octets + Int(entry.pointee.wire)
        name.set(wire, Int(entry.pointee.octets), copying: wire)
        guard let other = zones.nearest(to: name, isAbove: false), other != zone,
            let source = find(0, in: other),
            barrier(of: other.pointee.entries + source, source, 0, RecordType.a.rawValue) == nil
        else { return true }
        return addAddresses(at: source, in: other, owner: host, zone)
    }

    private mutating func addAddresses(
        at source: Int, in zone: UnsafePointer<CompiledZone.View>, owner: Int,
        _ ownerZone: UnsafePointer<CompiledZone.View>
    ) -> Bool {
        addSet(RecordType.a.rawValue, at: source, in: zone, owner: owner, ownerZone)
            && addSet(RecordType.aaaa.rawValue, at: source, in: zone, owner: owner, ownerZone)
    }

    private mutating func addSet(
        _ type: UInt16, at source: Int, in zone: UnsafePointer<CompiledZone.View>, owner: Int,
        _ ownerZone: UnsafePointer<CompiledZone.View>
    ) -> Bool {
        guard let place = zone.pointee.set(type, of: source) else { return true }
        let set = zone.pointee.sets + place
        return buffer.write(
            set, of: zone, owner: .name(owner), ownerZone: ownerZone, in: .additional)
            && sign(set, .name(owner), zone, ownerZone: ownerZone, in: .additional)
    }

    // MARK: - Denial of existence

    @inline(__always)
    private func proves(_ zone: UnsafePointer<CompiledZone.View>) -> Bool {
        wantsSignatures && zone.pointee.linkCount > 0
    }

    /// RFC 4035 §3.1.3.2, RFC 5155 §7.2.2: neither the name nor a wildcard for it.
    private mutating func proveNameError(
        _ encloser: Int, _ place: Int, _ zone: UnsafePointer<CompiledZone.View>
    ) {
        var provable = encloser
        if zone.pointee.isHashed {
            provable = proveEncloser(
                encloser, name.lowercased(from: place - 1), name.octets(from: place - 1), zone)
        } else {
            proveNextCloser(place, zone)
        }
        proofs.add(zone.pointee.denials[provable].wildcard, zone)
    }

    /// That no name stands between the closest encloser and the one that was asked for.
    private mutating func proveNextCloser(
        _ place: Int, _ zone: UnsafePointer<CompiledZone.View>
    ) {
        if zone.pointee.isHashed {
            proveAbsence(name.lowercased(from: place - 1), name.octets(from: place - 1), zone)
        } else {
            let count = name.writeCanonicalKey(to: proofs.room)
            proofs.add(UInt32(zone.pointee.link(proofs.room, octets: count) + 1), zone)
        }
    }

    private mutating func proveAbsence(
        _ name: UnsafeRawPointer, _ octets: Int, _ zone: UnsafePointer<CompiledZone.View>
    ) {
        zone.pointee.hash(name, octets, into: proofs.room)
        proofs.add(UInt32(zone.pointee.link(proofs.room, octets: SHA1.octets) + 1), zone)
    }

    /// The types at a name; for a wildcard, those that it has for names below `encloser`.
    private mutating func proveNoData(
        _ encloser: Int, isWildcard: Bool, _ zone: UnsafePointer<CompiledZone.View>
    ) {
        let denial = zone.pointee.denials[encloser]
        if isWildcard {
            // RFC 5155 §7.2.5: the encloser too.
            if zone.pointee.isHashed { proofs.add(denial.own, zone) }
            proofs.add(denial.wildcard, zone)
        } else if denial.own != 0 {
            proofs.add(denial.own, zone)
        } else if zone.pointee.isHashed, encloser != Int(zone.pointee.origin) {
            // RFC 5155 §7.2.4: opt-out has left the name out.
            let entry = zone.pointee.entries[encloser]
            let above = Int(zone.pointee.entries[Int(entry.parent)].existing) - 1
            _ = proveEncloser(
                above, zone.pointee.octets + Int(entry.wire), Int(entry.octets), zone)
        }
    }

    /// RFC 5155 §7.2.1: the closest encloser that can be proved, which is returned, and that the
    /// name next to it is not there.
    private mutating func proveEncloser(
        _ encloser: Int, _ next: UnsafeRawPointer, _ octets: Int,
        _ zone: UnsafePointer<CompiledZone.View>
    ) -> Int {
        var (encloser, next, octets) = (encloser, next, octets)
        while zone.pointee.denials[encloser].own == 0, encloser != Int(zone.pointee.origin) {
            let entry = zone.pointee.entries[encloser]
            next = zone.pointee.octets + Int(entry.wire)
            octets = Int(entry.octets)
            encloser = Int(zone.pointee.entries[Int(entry.parent)].existing) - 1
        }
        proofs.add(zone.pointee.denials[encloser].own, zone)
        proveAbsence(next, octets, zone)
        return encloser
    }

    /// Writes what was found to be said, each record once; it stands behind all answers.
    private mutating func writeProofs() {
        while let (zone, place) = proofs.next() {
            anchor(zone)
            let link = zone.pointee.links[place]
            let set = zone.pointee.sets + Int(link.set)
            let isWritten = writeSigned(set, .name(Int(link.name)), zone, in: .authority)
            if !isWritten { isTruncated = true }
        }
    }

    // MARK: - CHAOS

    /// RFC 4892: what a server is called is asked in a class of its own.
    private mutating func answerChaos(_ asked: AskedQuery) {
        code = ResponseCode.refused.rawValue
        guard asked.class == RecordClass.chaos.rawValue,
            [RecordType.txt, .any].contains(RecordType(rawValue: asked.type)),
            (1...255).contains(policy.identity.count),
            name.isOne(of: ["\u{2}id\u{6}server\0", "\u{8}hostname\u{4}bind\0"])
        else { return }
        var record: [UInt8] = []
        record.appendShort(ResponseBuffer.questionPointer)
        record.appendShort(RecordType.txt.rawValue)
        record.appendShort(RecordClass.chaos.rawValue)
        record.appendLong(0)
        record.appendShort(UInt16(policy.identity.count + 1))
        record.append(UInt8(policy.identity.count))
        record += policy.identity
        let isWritten = record.withUnsafeBytes { record in
            record.baseAddress.map { buffer.writeAnswer($0, record.count) } ?? false
        }
        code = ResponseCode.noError.rawValue
        isAuthoritative = true
        isTruncated = !isWritten
    }
}

/// The response of `zones` to `query`: RFC 1034 §4.3.2 as a pure function.
///
/// Nil for what gets no reply; many answers in a row are cheaper with one `Responder`.
package func answer(
    _ query: [UInt8], _ zones: ZoneSnapshot, _ asker: Responder.Asker = .init(),
    _ policy: Responder.Policy = .init()
) -> [UInt8]? {
    var responder = Responder(policy)
    return responder.respond(to: query, from: zones, for: asker)
}

extension Responder {
    /// The response as an array; nil when there is none.
    package mutating func respond(
        to query: [UInt8], from zones: ZoneSnapshot, for asker: Asker
    ) -> [UInt8]? {
        let room = asker.isStream ? Message.maximumOctets : Self.datagramOctets
        let response = [UInt8](unsafeUninitializedCapacity: room) { response, count in
            count = query.withUnsafeBytes {
                respond(
                    to: $0, into: UnsafeMutableRawBufferPointer(response), from: zones, for: asker)
            }
        }
        return response.isEmpty ? nil : response
    }
}

// SPDX-License-Identifier: Apache-2.0

package import DNS

/// Checks a zone as a name server, a mail server and a validator will.
///
/// A function of the zone and of what is given here; without a resolver nobody is asked, and hosts
/// outside of the zone are taken to be in order.
package struct ZoneExaminer: Sendable {
    /// With what signatures are checked, and when.
    package struct Validation: Sendable {
        package var cryptography: any ZoneCryptography
        /// Seconds since 1970, as RRSIG records count (RFC 4034 §3.1.5).
        package var now: UInt32

        package init(cryptography: any ZoneCryptography, now: UInt32) {
            self.cryptography = cryptography
            self.now = now
        }
    }

    /// Who is asked about hosts outside of the zone.
    package var resolver: (any Resolver)?
    /// The only names about which it is asked; nil: about all.
    ///
    /// Others are taken to be in order.
    package var askedNames: Set<Name>?
    package var facts = ZoneFacts()
    /// For the digests of TLSA records; without it they are not compared.
    package var cryptography: (any ZoneCryptography)?
    /// Set for a zone that is signed: then it must be signed rightly and in full.
    package var validation: Validation?

    package init(
        resolver: (any Resolver)? = nil, facts: ZoneFacts = ZoneFacts(),
        cryptography: (any ZoneCryptography)? = nil, validation: Validation? = nil
    ) {
        self.resolver = resolver
        self.facts = facts
        self.cryptography = cryptography
        self.validation = validation
    }

    /// Who is asked about a name; nil if nobody is.
    func resolver(for name: Name) -> (any Resolver)? {
        askedNames?.contains(name) == false ? nil : resolver
    }

    /// Checks what was read from a master file, its faults included.
    package func report(on file: MasterFile, origin: Name) async -> ZoneReport {
        var examination = Examination(
            origin: origin,
            records: file.entries.lazy.map {
                PlacedRecord(record: $0.record, file: $0.file, line: $0.line)
            }, examiner: self)
        for fault in file.faults { examination.find(fault, origin: origin) }
        await examination.run()
        return ZoneReport(examination.findings)
    }

    /// Checks the records of a zone that is no file.
    package func report(on records: some Sequence<ResourceRecord>, origin: Name) async -> ZoneReport
    {
        var examination = Examination(
            origin: origin, records: records.lazy.map { PlacedRecord(record: $0) }, examiner: self)
        await examination.run()
        return ZoneReport(examination.findings)
    }
}

/// One check of one zone: what is known and what was found so far.
struct Examination: Sendable {
    /// More findings help nobody.
    static let maximumFindings = 1000

    let origin: Name
    let examiner: ZoneExaminer
    let view: ZoneView
    /// Records that cannot be of the zone: outside of it, or of another class.
    let strays: [PlacedRecord]
    private(set) var findings: [Finding] = []
    var hosts: [Name: Host] = [:]
    /// Questions to the resolver so far.
    var questions = 0

    init(origin: Name, records: some Sequence<PlacedRecord>, examiner: ZoneExaminer) {
        var members: [PlacedRecord] = []
        var strays: [PlacedRecord] = []
        for record in records {
            let isMember =
                record.record.class == .internet && record.record.owner.isEqualOrBelow(origin)
            if isMember { members.append(record) } else { strays.append(record) }
        }
        self.origin = origin
        self.examiner = examiner
        self.strays = strays
        view = ZoneView(origin: origin, records: members)
    }

    mutating func run() async {
        checkStructure()
        await checkNameServers()
        checkTargets()
        await checkExchangers()
        await checkSPF()
        checkDKIM()
        checkDMARC()
        checkTransportPolicies()
        checkTLSA()
        if let validation = examiner.validation { checkSignatures(validation) }
    }

    mutating func find(
        _ code: FindingCode, _ severity: Finding.Severity, _ records: [PlacedRecord],
        _ text: Wording, _ advice: Wording
    ) {
        find(code, severity, at: records.map(\.place), text, advice)
    }

    mutating func find(
        _ code: FindingCode, _ severity: Finding.Severity, at places: [Finding.Place],
        _ text: Wording, _ advice: Wording
    ) {
        guard findings.count < Self.maximumFindings else {
            if findings.count == Self.maximumFindings {
                findings.append(.tooMany(Self.maximumFindings))
            }
            return
        }
        findings.append(
            Finding(code: code, severity: severity, places: places, text: text, advice: advice))
    }

    /// The place of something that is missing at the origin: where the zone begins.
    var start: Finding.Place {
        let node = view[origin]
        let record = node?[.soa]?.records.first ?? node?.sets.first?.records.first
        return record?.place
            ?? Finding.Place(owner: origin, type: .soa, line: strays.first?.line)
    }

    mutating func find(_ fault: MasterFile.Fault, origin: Name) {
        let found = fault.token.isEmpty ? "" : ", found \"\(fault.token)\""
        let german = fault.token.isEmpty ? "" : ", dort steht \"\(fault.token)\""
        find(
            .syntax, .error,
            at: [.init(owner: origin, type: .any, file: fault.file, line: fault.line)],
            Wording(
                "Column \(fault.column): expected \(fault.expected)\(found).",
                "Spalte \(fault.column): erwartet wird \(fault.expected)\(german)."),
            Wording(
                "Correct the line; a name server refuses the whole file.",
                "Die Zeile berichtigen; ein Nameserver weist die ganze Datei ab."))
    }
}

extension Finding {
    static func tooMany(_ count: Int) -> Finding {
        Finding(
            code: .tooManyFindings, severity: .warning, places: [],
            text: Wording(
                "There are more than \(count) findings; the rest is left out.",
                "Es gibt mehr als \(count) Befunde; die übrigen fehlen hier."),
            advice: Wording(
                "Mend what is told and check again.",
                "Das Genannte beheben und erneut prüfen."))
    }
}

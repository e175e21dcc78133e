// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The digests of a body, made while it passes by: each canonical form once, whatever the number of
/// signatures.
package struct BodyHashing: Sendable {
    /// What a digest is of.
    package struct Kind: Hashable, Sendable {
        package let form: Canonicalization
        package let hash: HashAlgorithm
        /// Of the canonical form; nil: all.
        package let length: Int?

        package init(form: Canonicalization, hash: HashAlgorithm, length: Int?) {
            self.form = form
            self.hash = hash
            self.length = length
        }
    }

    private let kinds: Set<Kind>
    private var courses: [Course] = []

    package init(_ kinds: Set<Kind>, _ cryptography: any MailCryptography) {
        self.kinds = kinds
        for form in [Canonicalization.simple, .relaxed] {
            let takers = [HashAlgorithm.sha1, .sha256].compactMap { hash in
                let lengths = kinds.filter { $0.form == form && $0.hash == hash }.map(\.length)
                return lengths.isEmpty
                    ? nil : BodyDigest(hash, cryptography.digest(hash), lengths: lengths)
            }
            guard !takers.isEmpty else { continue }
            courses.append(Course(form, takers))
        }
    }

    /// Takes the next piece of the body.
    package mutating func update(_ piece: UnsafeRawBufferPointer) {
        for index in courses.indices { courses[index].update(piece) }
    }

    /// Ends the body: its digests, with how long its canonical form was.
    package mutating func finish() -> [Kind: (value: [UInt8], octets: Int)] {
        for index in courses.indices { courses[index].finish() }
        var values: [Kind: (value: [UInt8], octets: Int)] = [:]
        // In any order: each has a place of its own.
        for kind in kinds {
            for course in courses where course.form == kind.form {
                values[kind] = course.value(kind)
            }
        }
        return values
    }
}

/// One canonical form of the body, on its way to its digests.
private struct Course: Sendable {
    let form: Canonicalization
    private var canonicalizer: BodyCanonicalizer
    private var intake: Intake

    init(_ form: Canonicalization, _ digests: [BodyDigest]) {
        self.form = form
        canonicalizer = BodyCanonicalizer(form)
        intake = Intake(digests: digests)
    }

    mutating func update(_ piece: UnsafeRawBufferPointer) {
        var (canonicalizer, intake) = (canonicalizer, takeIntake())
        canonicalizer.update(piece) { intake.take($0) }
        (self.canonicalizer, self.intake) = (canonicalizer, intake)
    }

    mutating func finish() {
        var (canonicalizer, intake) = (canonicalizer, takeIntake())
        canonicalizer.finish { intake.take($0) }
        intake.flush()
        (self.canonicalizer, self.intake) = (canonicalizer, intake)
    }

    func value(_ kind: BodyHashing.Kind) -> (value: [UInt8], octets: Int)? {
        let digest = intake.digests.first { $0.hash == kind.hash }
        return digest.map { ($0.value(kind.length), intake.octets) }
    }

    /// The digests must not be copied while they take octets.
    private mutating func takeIntake() -> Intake {
        var taken = Intake(digests: [])
        swap(&taken, &intake)
        return taken
    }
}

/// One digest of one canonical form, and what it was at the lengths that `l=` names: a body of
/// many signatures is hashed but once.
private struct BodyDigest: Sendable {
    let hash: HashAlgorithm
    private var digest: any RunningDigest
    /// Rising.
    private let lengths: [Int]
    private let isWhole: Bool
    /// At the lengths that were reached.
    private var values: [[UInt8]] = []

    init(_ hash: HashAlgorithm, _ digest: any RunningDigest, lengths: [Int?]) {
        self.hash = hash
        self.digest = digest
        self.lengths = lengths.compactMap(\.self).sorted()
        isWhole = lengths.contains(nil)
    }

    /// Takes a run that begins behind `octets` others.
    mutating func update(_ run: UnsafeRawBufferPointer, behind octets: Int) {
        var start = 0
        while values.count < lengths.count, lengths[values.count] <= octets + run.count {
            let end = lengths[values.count] - octets
            digest.update(UnsafeRawBufferPointer(rebasing: run[start..<end]))
            values.append(digest.value())
            start = end
        }
        guard isWhole || values.count < lengths.count else { return }
        digest.update(UnsafeRawBufferPointer(rebasing: run[start...]))
    }

    /// Of so many octets, or of all if there are no more; nil: of all.
    func value(_ length: Int?) -> [UInt8] {
        if let length, let index = lengths.firstIndex(of: length), index < values.count {
            return values[index]
        }
        return digest.value()
    }
}

/// Digests, and what they take: long runs as they are, short ones gathered.
private struct Intake: Sendable {
    private(set) var digests: [BodyDigest]
    /// Of the canonical form, so far.
    private(set) var octets = 0
    private var gathered: [UInt8] = []

    /// Runs from this length on are worth a call of their own.
    private static let longRun = 512
    /// So much is gathered before the digests take it.
    private static let capacity = 4096

    init(digests: [BodyDigest]) { self.digests = digests }

    mutating func take(_ run: UnsafeRawBufferPointer) {
        if run.count >= Self.longRun {
            flush()
            digest(run)
        } else {
            if gathered.count + run.count > Self.capacity { flush() }
            gathered.append(contentsOf: run)
        }
    }

    mutating func flush() {
        guard !gathered.isEmpty else { return }
        var octets: [UInt8] = []
        swap(&octets, &gathered)
        octets.withUnsafeBytes { digest($0) }
        octets.removeAll(keepingCapacity: true)
        gathered = octets
    }

    private mutating func digest(_ run: UnsafeRawBufferPointer) {
        for index in digests.indices { digests[index].update(run, behind: octets) }
        octets += run.count
    }
}

// SPDX-License-Identifier: Apache-2.0

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

    private struct Course {
        var canonicalizer: BodyCanonicalizer
        var octets = 0
        var digests: [(kind: Kind, digest: any RunningDigest)] = []

        mutating func take(_ canonical: [UInt8]) {
            canonical.withUnsafeBytes { buffer in
                for index in digests.indices {
                    let limit = digests[index].kind.length ?? .max
                    let room = max(0, min(buffer.count, limit - min(limit, octets)))
                    if room > 0 {
                        digests[index].digest.update(
                            UnsafeRawBufferPointer(rebasing: buffer[..<room]))
                    }
                }
            }
            octets += canonical.count
        }
    }

    private var courses: [Canonicalization: Course] = [:]
    private var canonical: [UInt8] = []

    /// A piece is worked on in parts of this size, so that memory stays small.
    private static let part = 64 << 10

    package init(_ kinds: Set<Kind>, _ cryptography: any MailCryptography) {
        for kind in kinds {
            courses[kind.form, default: Course(canonicalizer: BodyCanonicalizer(kind.form))]
                .digests.append((kind, cryptography.digest(kind.hash)))
        }
    }

    /// Takes the next piece of the body.
    package mutating func update(_ piece: UnsafeRawBufferPointer) {
        var start = 0
        while start < piece.count {
            let end = min(start + Self.part, piece.count)
            let part = UnsafeRawBufferPointer(rebasing: piece[start..<end])
            for form in [Canonicalization.simple, .relaxed] where courses[form] != nil {
                canonical.removeAll(keepingCapacity: true)
                courses[form]?.canonicalizer.update(part, into: &canonical)
                courses[form]?.take(canonical)
            }
            start = end
        }
    }

    /// Ends the body: its digests, with how long its canonical form was.
    package mutating func finish() -> [Kind: (value: [UInt8], octets: Int)] {
        var values: [Kind: (value: [UInt8], octets: Int)] = [:]
        for form in [Canonicalization.simple, .relaxed] {
            guard var course = courses[form] else { continue }
            canonical.removeAll(keepingCapacity: true)
            course.canonicalizer.finish(into: &canonical)
            course.take(canonical)
            for (kind, digest) in course.digests {
                values[kind] = (digest.value(), course.octets)
            }
        }
        return values
    }
}

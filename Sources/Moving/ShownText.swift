// SPDX-License-Identifier: Apache-2.0

extension String {
    /// What somebody else wrote, as a line of a terminal: without control characters, which
    /// terminals obey, and not longer than anybody reads.
    package var shown: String {
        let limit = 500
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(limit) {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            scalars.append(isControl ? "?" : scalar)
        }
        return String(scalars) + (unicodeScalars.count > limit ? " …" : "")
    }
}

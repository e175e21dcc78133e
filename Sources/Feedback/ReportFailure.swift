// SPDX-License-Identifier: Apache-2.0

/// Why something is no report, or none that is read here; a phrase for people.
package struct ReportFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// What a process takes of the machine, for measurements.
package struct ProcessFigures: Sendable, Equatable {
    /// VmRSS in octets.
    package let residentOctets: Int
    /// User and system time in seconds.
    package let processorSeconds: Double

    /// Of the process with this id (0: our own); nil when it does not exist.
    package init?(of process: Int32 = 0) {
        let folder = process == 0 ? "/proc/self" : "/proc/\(process)"
        guard let status = try? String(contentsOfFile: folder + "/status", encoding: .utf8),
            let stat = try? String(contentsOfFile: folder + "/stat", encoding: .utf8)
        else { return nil }
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kibioctets = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        residentOctets = kibioctets.flatMap { Int($0) }.map { $0 * 1024 } ?? 0
        // proc(5): fields 14 and 15; the second, in parentheses, may hold anything.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return nil }
        processorSeconds = (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
    }
}

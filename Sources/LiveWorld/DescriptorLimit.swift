// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many files and connections this process may have open (RLIMIT_NOFILE).
package enum DescriptorLimit {
    /// Raises the limit as far as the system allows without privilege, and returns it.
    ///
    /// Most systems begin with 1,024, for the sake of select(2), which nobody here calls.
    package static func raise() -> Int {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return 0 }
        if limits.rlim_cur < limits.rlim_max {
            limits.rlim_cur = limits.rlim_max
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
            _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        }
        return Int(clamping: limits.rlim_cur)
    }
}

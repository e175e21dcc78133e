// SPDX-License-Identifier: Apache-2.0

import CoreMetrics

/// Counts the connections of one service.
package struct ConnectionMeters: Sendable {
    private let total: Counter
    private let open: CoreMetrics.Meter

    /// `service` is the name of the key under `listen`.
    package init(service: String) {
        let dimensions = [("service", service)]
        total = Counter(label: "postreiter_connections_total", dimensions: dimensions)
        open = CoreMetrics.Meter(label: "postreiter_connections", dimensions: dimensions)
    }

    /// Counts one connection while it is served.
    package func count(_ serve: () async -> Void) async {
        total.increment()
        open.increment(by: 1)
        defer { open.decrement(by: 1) }
        await serve()
    }
}

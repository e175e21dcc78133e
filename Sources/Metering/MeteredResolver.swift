// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
package import DNS
package import World

/// A resolver whose questions are counted, with their outcomes and how long they took.
package struct MeteredResolver: Resolver {
    private let resolver: any Resolver
    private let time: any Time
    private let duration = CoreMetrics.Timer(label: "postreiter_dns_seconds")
    private let records = counter("records")
    private let noData = counter("no_data")
    private let nameError = counter("name_error")
    private let failure = counter("failure")

    private static func counter(_ outcome: String) -> Counter {
        Counter(label: "postreiter_dns_queries_total", dimensions: [("outcome", outcome)])
    }

    package init(_ resolver: any Resolver, time: any Time) {
        self.resolver = resolver
        self.time = time
    }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let begun = time.now
        let answer = await resolver.resolve(name, type)
        duration.recordNanoseconds((time.now - begun).nanoseconds)
        switch answer.outcome {
        case .records: records.increment()
        case .noData: noData.increment()
        case .nameError: nameError.increment()
        case .failure: failure.increment()
        }
        return answer
    }

    package func remembers(_ name: Name, _ type: RecordType) -> Bool {
        resolver.remembers(name, type)
    }
}

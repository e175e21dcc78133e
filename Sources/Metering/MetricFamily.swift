// SPDX-License-Identifier: Apache-2.0

/// A metric that the server keeps, as Documentation/Metrics.md tells of it.
package struct MetricFamily: Hashable, Sendable {
    package let name: String
    package let kind: Kind
    /// One line for people.
    package let help: String
    /// The names of its labels.
    package let labels: [String]
    /// The upper bounds of a histogram's buckets, rising.
    package let bounds: [Double]

    /// The words of the Prometheus text format.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    private init(
        _ name: String, _ kind: Kind, _ help: String, labels: [String] = [],
        bounds: [Double] = []
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
        self.bounds = bounds
    }

    /// From a tenth of a millisecond, a fast disk, to ten seconds, a name server that is away.
    private static let secondBounds = [
        0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
    ]
    /// `CommitQueue.batchLimit` writes share a commit at most.
    private static let batchBounds: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    /// Every metric there is, in the order in which they are printed.
    package static let all: [MetricFamily] = [
        .init(
            "postreiter_accepted_messages_total", .counter,
            "Messages for which responsibility was taken.", labels: ["service"]),
        .init(
            "postreiter_refused_messages_total", .counter,
            "Messages refused or put off after their content had come.", labels: ["service"]),
        .init(
            "postreiter_weighed_messages_total", .counter,
            "Messages of strangers that were weighed, by what is done with them.",
            labels: ["action"]),
        .init(
            "postreiter_quota_warnings_total", .counter,
            "Accounts and domains that have used so much of what they may keep.",
            labels: ["percent"]),
        .init(
            "postreiter_greylisted_recipients_total", .counter,
            "Recipients for whom a stranger was asked to come again."),
        .init(
            "postreiter_listed_recipients_total", .counter,
            "Recipients refused because a list names the client or the sender."),
        .init(
            "postreiter_limited_recipients_total", .counter,
            "Recipients put off because a rate was reached."),
        .init(
            "postreiter_filter_failures_total", .counter,
            "How often a filter (milter, rspamd) was needed and of no use."),
        .init(
            "postreiter_bans_total", .counter, "Hosts banned because they did wrong."),
        .init("postreiter_bans", .gauge, "Networks that may not connect at the moment."),
        .init(
            "postreiter_delivered_recipients_total", .counter,
            "Recipients whose message is in a mailbox or with the next server."),
        .init(
            "postreiter_deferred_recipients_total", .counter,
            "Attempts for a recipient that ended with a later one."),
        .init(
            "postreiter_failed_recipients_total", .counter,
            "Recipients that failed for good: bounces."),
        .init(
            "postreiter_ambiguous_recipients_total", .counter,
            "Attempts whose end nobody knows: connection lost after the final dot."),
        .init(
            "postreiter_notifications_total", .counter,
            "Notifications that were queued to tell a sender what became of a message.",
            labels: ["kind"]),
        .init(
            "postreiter_dkim_messages_total", .counter, "Messages that were signed (DKIM)."),
        .init(
            "postreiter_dkim_domains", .gauge, "Domains whose DKIM keys are looked after."),
        .init(
            "postreiter_dkim_unsigned_domains", .gauge,
            "Domains whose mail goes without a signature."),
        .init(
            "postreiter_dkim_alarms", .gauge,
            "Domains with a DKIM record that is missing, wrong or not to be seen."),
        .init(
            "postreiter_queue_recipients", .gauge, "Recipients in the queue.", labels: ["state"]),
        .init(
            "postreiter_queue_destination_recipients", .gauge,
            "Recipients in the queue of the fullest destinations; all others as `other`.",
            labels: ["destination"]),
        .init(
            "postreiter_queue_destinations", .gauge,
            "Destinations that something waits for."),
        .init(
            "postreiter_queue_oldest_seconds", .gauge,
            "Age of the oldest message in the queue; 0 for an empty queue."),
        .init(
            "postreiter_queue_unreadable_recipients", .gauge,
            "Recipients due since the start whose stored address this release cannot read."),
        .init(
            "postreiter_suspensions", .gauge,
            "Destinations, hosts and senders that operators have suspended."),
        .init(
            "postreiter_connections_total", .counter, "Connections that were accepted.",
            labels: ["service"]),
        .init(
            "postreiter_connections", .gauge, "Connections that are open.", labels: ["service"]),
        .init(
            "postreiter_authentications_total", .counter,
            "Attempts to log in by SMTP or POP3.", labels: ["result"]),
        .init(
            "postreiter_dns_queries_total", .counter,
            "Questions to the resolver, those that its cache answers among them.",
            labels: ["outcome"]),
        .init(
            "postreiter_dns_seconds", .histogram, "How long the resolver took to answer.",
            bounds: secondBounds),
        .init(
            "postreiter_dns_answers_total", .counter, "Responses of the name server.",
            labels: ["transport", "code"]),
        .init(
            "postreiter_dns_truncated_total", .counter,
            "Of these, those that ask the client to come by TCP.", labels: ["transport"]),
        .init(
            "postreiter_dns_unanswered_total", .counter,
            "Packets to the name server that got no response: dropped by the rate limit, or no query.",
            labels: ["transport"]),
        .init("postreiter_zones", .gauge, "Zones that the name server answers for."),
        .init("postreiter_zones_signed", .gauge, "Zones that are signed (DNSSEC)."),
        .init(
            "postreiter_zone_signatures_seconds", .gauge,
            "Until the first signature of a zone expires; under 259200 something is wrong."),
        .init(
            "postreiter_commit_seconds", .histogram,
            "How long a commit of the store took, its sync included.", bounds: secondBounds),
        .init(
            "postreiter_commit_writes", .histogram, "How many writes shared a commit.",
            bounds: batchBounds),
        .init(
            "postreiter_journal_rows_at_most", .gauge,
            "Rows of the journal at most: from the oldest's number to the newest's."),
        .init(
            "process_resident_memory_bytes", .gauge, "Memory of the process in use (RSS)."),
        .init(
            "process_cpu_seconds_total", .counter, "Processor time of the process."),
    ]

    /// The one with this name; nil for a metric that is none of ours.
    static func named(_ name: String) -> MetricFamily? { all.first { $0.name == name } }
}

/// One value of a metric that is asked for when the page is printed.
package struct Sample: Hashable, Sendable {
    let name: String
    let labels: [String]
    let value: Double

    /// `labels` are the values for the family's labels, in their order.
    package init(_ name: String, _ value: Double, labels: [String] = []) {
        precondition(
            MetricFamily.named(name)?.labels.count == labels.count,
            "\(name) is a metric with these labels")
        self.name = name
        self.labels = labels
        self.value = value
    }
}

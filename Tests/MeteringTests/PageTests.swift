// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Foundation
import Testing

@testable import Metering

@Suite("Metrics as Prometheus reads them")
struct PageTests {
    @Test("each metric is announced, in a fixed order, also before anything has happened")
    func announced() {
        let page = MeterRegistry().page()
        let names = page.matches(of: /# TYPE ([a-z_]+) (counter|gauge|histogram)\n/)
        #expect(names.map { String($0.output.1) } == MetricFamily.all.map(\.name))
        #expect(page.matches(of: /# HELP [a-z_]+ .+\n/).count == MetricFamily.all.count)
        #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
    }

    @Test("what modules count stands there, by label, and counts on for a second counter")
    func counters() {
        let registry = MeterRegistry()
        let name = "postreiter_accepted_messages_total"
        for (service, count) in [("smtp", 3), ("submission", 1), ("smtp", 4)] {
            Counter(label: name, dimensions: [("service", service)], factory: registry)
                .increment(by: count)
        }
        Counter(label: "nio_something", dimensions: [], factory: registry).increment()
        let page = registry.page([Sample("process_resident_memory_bytes", 1_048_576)])
        #expect(page.contains("\n\(name){service=\"smtp\"} 7\n\(name){service=\"submission\"} 1\n"))
        #expect(page.contains("\nprocess_resident_memory_bytes 1048576\n"))
        #expect(!page.contains("nio_something"))
    }

    @Test("a histogram's buckets hold all values up to their bounds, and come with sum and count")
    func histogram() throws {
        let registry = MeterRegistry()
        let timer = CoreMetrics.Timer(
            label: "postreiter_commit_seconds", dimensions: [], factory: registry)
        for nanoseconds in [50_000, 100_000, 3_000_000, 20_000_000_000] {
            timer.recordNanoseconds(Int64(nanoseconds))
        }
        let writes = Recorder(
            label: "postreiter_commit_writes", dimensions: [], aggregate: true, factory: registry)
        writes.record(1)
        writes.record(512)
        writes.record(600)
        let lines = registry.page().split(separator: "\n")
        let expected = [
            "postreiter_commit_seconds_bucket{le=\"0.0001\"} 2",
            "postreiter_commit_seconds_bucket{le=\"0.002\"} 2",
            "postreiter_commit_seconds_bucket{le=\"0.005\"} 3",
            "postreiter_commit_seconds_bucket{le=\"10\"} 3",
            "postreiter_commit_seconds_bucket{le=\"+Inf\"} 4",
            "postreiter_commit_seconds_count 4",
            "postreiter_commit_writes_bucket{le=\"1\"} 1",
            "postreiter_commit_writes_bucket{le=\"512\"} 2",
            "postreiter_commit_writes_bucket{le=\"+Inf\"} 3",
            "postreiter_commit_writes_sum 1113",
        ]
        for line in expected { #expect(lines.contains { $0 == line }, "\(line)") }
        let sum = try #require(
            lines.first { $0.hasPrefix("postreiter_commit_seconds_sum ") }?.split(separator: " ")
                .last.flatMap { Double($0) })
        #expect(abs(sum - 20.00315) < 1e-6)
    }

    @Test("gauges go up and down; a name with quotes does not break its line")
    func gauges() {
        let registry = MeterRegistry()
        let meter = CoreMetrics.Meter(
            label: "postreiter_connections", dimensions: [("service", "pop3")], factory: registry)
        meter.increment(by: 1)
        meter.increment(by: 1)
        meter.decrement(by: 1)
        let page = registry.page([
            Sample("postreiter_queue_destination_recipients", 2, labels: ["a\"b\\c\nd"]),
            Sample("postreiter_queue_oldest_seconds", 0.25),
        ])
        #expect(page.contains("\npostreiter_connections{service=\"pop3\"} 1\n"))
        #expect(
            page.contains(
                "\npostreiter_queue_destination_recipients{destination=\"a\\\"b\\\\c\\nd\"} 2\n"))
        #expect(page.contains("\npostreiter_queue_oldest_seconds 0.25\n"))
    }

    @Test("series are bounded, whatever is given as a label")
    func bounded() {
        let registry = MeterRegistry()
        for number in 0..<(MeterRegistry.maximumSeries + 50) {
            Counter(
                label: "postreiter_authentications_total", dimensions: [("result", "\(number)")],
                factory: registry
            ).increment()
        }
        let lines = registry.page().matches(of: /postreiter_authentications_total\{/)
        #expect(lines.count == MeterRegistry.maximumSeries)
    }
}

@Suite("The guide to the metrics")
struct MetricsGuideTests {
    @Test("says of every metric that is printed what it is, and of no other")
    func complete() throws {
        let path = "\(#filePath)".replacing("Tests/MeteringTests/PageTests.swift", with: "")
        let guide = try String(contentsOfFile: path + "Documentation/Metrics.md", encoding: .utf8)
        let rows = guide.matches(
            of: /\n\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([a-z`, ]*?) ?\| ([^|]+) \|/)
        let told = rows.map {
            "\($0.output.1) \($0.output.2) \($0.output.3.replacing("`", with: "")) \($0.output.4)"
        }
        let page = MeterRegistry().page()
        let printed = page.matches(of: /# HELP ([a-z_]+) (.+)\n# TYPE [a-z_]+ ([a-z]+)\n/).map {
            let labels = MetricFamily.named(String($0.output.1))?.labels ?? []
            return "\($0.output.1) \($0.output.3) \(labels.joined(separator: ", ")) \($0.output.2)"
        }
        #expect(told == printed)
        #expect(printed.count > 15)
    }
}

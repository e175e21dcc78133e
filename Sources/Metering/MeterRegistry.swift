// SPDX-License-Identifier: Apache-2.0

package import CoreMetrics
import Synchronization

/// The backend of swift-metrics: keeps what the modules count, and prints it for Prometheus.
///
/// It keeps only metrics that are in `MetricFamily.all`; what libraries count beside them is
/// dropped. The number of series is bounded: labels have few values each.
package final class MeterRegistry: MetricsFactory, Sendable {
    private struct Series: Hashable {
        let name: String
        let labels: [String]
    }

    private let meters = Mutex([Series: any Instrument]())

    /// Beyond it a new series is not kept: a label must have been given free text.
    static let maximumSeries = 1_000

    package init() {}

    /// The page in the text format of Prometheus, with what `samples` add.
    package func page(_ samples: [Sample] = []) -> String {
        var lines: [String: [(labels: [String], reading: Reading)]] = [:]
        for (series, meter) in meters.withLock({ $0 }) {
            lines[series.name, default: []].append((series.labels, meter.reading))
        }
        for sample in samples {
            lines[sample.name, default: []].append((sample.labels, .value(sample.value)))
        }
        var page = PrometheusText()
        for family in MetricFamily.all {
            let readings = (lines[family.name] ?? []).sorted {
                $0.labels.lexicographicallyPrecedes($1.labels)
            }
            page.add(family, readings)
        }
        return page.text
    }

    private func meter<M: Instrument>(
        _ label: String, _ dimensions: [(String, String)], _ make: (MetricFamily) -> M
    ) -> M? {
        guard let family = MetricFamily.named(label) else { return nil }
        let series = Series(
            name: label,
            labels: family.labels.map { name in dimensions.first { $0.0 == name }?.1 ?? "" })
        return meters.withLock { meters in
            if let known = meters[series] { return known as? M }
            guard meters.count < Self.maximumSeries else { return nil }
            let new = make(family)
            meters[series] = new
            return new
        }
    }

    // MARK: swift-metrics

    /// Keeps a counter, the same for the same labels.
    package func makeCounter(
        label: String, dimensions: [(String, String)]
    ) -> any CounterHandler {
        meter(label, dimensions) { _ in Tally() } ?? NOOPMetricsHandler.instance
    }

    /// Keeps none: nothing here counts in fractions.
    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler { NOOPMetricsHandler.instance }

    /// Keeps a gauge, the same for the same labels.
    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        meter(label, dimensions) { _ in Level() } ?? NOOPMetricsHandler.instance
    }

    /// Keeps a histogram; a recorder that does not aggregate is not kept.
    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return NOOPMetricsHandler.instance }
        return meter(label, dimensions) { Histogram(bounds: $0.bounds) }
            ?? NOOPMetricsHandler.instance
    }

    /// Keeps a histogram of seconds.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        meter(label, dimensions) { Histogram(bounds: $0.bounds) } ?? NOOPMetricsHandler.instance
    }

    /// Changes nothing: the series goes on.
    package func destroyCounter(_ handler: any CounterHandler) {}
    /// Changes nothing: the series goes on.
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    /// Changes nothing: the series goes on.
    package func destroyMeter(_ handler: any MeterHandler) {}
    /// Changes nothing: the series goes on.
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Changes nothing: the series goes on.
    package func destroyTimer(_ handler: any TimerHandler) {}
}

/// What a meter shows.
enum Reading: Sendable {
    case value(Double)
    /// How many values were at most each bound (and the rest), their sum.
    case distribution(bounds: [Double], counts: [Int], sum: Double)
}

/// Something that is kept of one series.
protocol Instrument: AnyObject, Sendable {
    var reading: Reading { get }
}

/// Counts up.
final class Tally: Instrument, CounterHandler {
    private let count = Atomic<Int64>(0)

    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
    var reading: Reading { .value(Double(count.load(ordering: .relaxed))) }
}

/// Goes up and down.
final class Level: Instrument, MeterHandler {
    private let level = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { level.withLock { $0 = value } }
    func increment(by amount: Double) { level.withLock { $0 += amount } }
    func decrement(by amount: Double) { level.withLock { $0 -= amount } }
    var reading: Reading { .value(level.withLock { $0 }) }
}

/// Sorts values into buckets.
final class Histogram: Instrument, RecorderHandler, TimerHandler {
    private struct State {
        /// For each bound the values up to it and beyond the one before; at last the rest.
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: [Int](repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Prometheus counts in seconds.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    var reading: Reading {
        let state = state.withLock { $0 }
        return .distribution(bounds: bounds, counts: state.counts, sum: state.sum)
    }
}

package actors;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Pekko with the same work: typed actors under a guardian, restarted when they fail.
 * {@code java actors.Main ACTORS MESSAGES CRASHES} prints one JSON object with the fields of playedSchema
 * (bench/actors/subject.ts).
 */
public final class Main {
  private static final int RECEIVERS = 1_000;
  private static final int WARM_UP = 2_000;

  private enum Message {
    WORK,
    TELL,
    CRASH
  }

  /** Makes actors, and counts down when it has. */
  private record Make(int count, List<ActorRef<Message>> into, CountDownLatch made) {}

  private static final AtomicLong worked = new AtomicLong();
  private static final SynchronousQueue<Boolean> told = new SynchronousQueue<>();

  private static final class ToldTo extends RuntimeException {
    private ToldTo() {
      super("told to");
    }
  }

  public static void main(String[] words) throws Exception {
    int actors = Integer.parseInt(words[0]);
    int messages = Integer.parseInt(words[1]);
    int crashes = Integer.parseInt(words[2]);
    ActorSystem<Make> system = ActorSystem.create(guardian(), "actors");
    List<ActorRef<Message>> warm = spawn(system, Math.min(WARM_UP, actors));
    send(warm, Math.min(WARM_UP * 10, messages));
    long heapBefore = heap();
    Timed spawning = new Timed();
    List<ActorRef<Message>> made = spawn(system, actors);
    spawning.stop();
    double bytes = (double) (heap() - heapBefore) / actors;
    Timed sending = new Timed();
    send(made, messages);
    sending.stop();
    double[] restarts = new double[crashes];
    for (int index = 0; index < crashes; index += 1) {
      long begun = System.nanoTime();
      made.get(0).tell(Message.CRASH);
      made.get(0).tell(Message.TELL);
      told.take();
      restarts[index] = (System.nanoTime() - begun) / 1e3;
    }
    Arrays.sort(restarts);
    System.out.printf(
        Locale.ROOT,
        "{\"spawned\":%d,\"spawnProcessorUs\":%f,\"spawnPassedUs\":%f,\"heapBytes\":%f,"
            + "\"processBytes\":%f,\"messages\":%d,\"messagesPerSecond\":%f,\"messageProcessorNs\":%f,"
            + "\"crashP50Us\":%f,\"crashP99Us\":%f}%n",
        actors,
        spawning.processorNs / 1e3 / actors,
        spawning.passedNs / 1e3 / actors,
        bytes,
        bytes,
        messages,
        messages * 1e9 / sending.passedNs,
        sending.processorNs / messages,
        share(restarts, 0.5),
        share(restarts, 0.99));
    System.exit(0);
  }

  private static Behavior<Make> guardian() {
    return Behaviors.setup(
        context ->
            Behaviors.receiveMessage(
                make -> {
                  make(context, make);
                  return Behaviors.same();
                }));
  }

  private static void make(ActorContext<Make> context, Make make) {
    Behavior<Message> restarted =
        Behaviors.supervise(worker()).onFailure(ToldTo.class, SupervisorStrategy.restart());
    for (int index = 0; index < make.count; index += 1) {
      make.into.add(context.spawnAnonymous(restarted));
    }
    make.made.countDown();
  }

  private static Behavior<Message> worker() {
    return Behaviors.receiveMessage(
        message -> {
          switch (message) {
            case WORK -> worked.incrementAndGet();
            case TELL -> told.put(true);
            case CRASH -> throw new ToldTo();
          }
          return Behaviors.same();
        });
  }

  private static List<ActorRef<Message>> spawn(ActorSystem<Make> system, int count)
      throws InterruptedException {
    List<ActorRef<Message>> into = new ArrayList<>(count);
    CountDownLatch made = new CountDownLatch(1);
    system.tell(new Make(count, into, made));
    made.await();
    return into;
  }

  private static void send(List<ActorRef<Message>> actors, int messages) {
    worked.set(0);
    int taking = Math.min(RECEIVERS, actors.size());
    for (int sent = 0; sent < messages; sent += 1) actors.get(sent % taking).tell(Message.WORK);
    while (worked.get() < messages) Thread.onSpinWait();
  }

  private static long heap() {
    for (int round = 0; round < 3; round += 1) System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  private static double share(double[] sorted, double share) {
    return sorted[Math.min(sorted.length - 1, (int) (sorted.length * share))];
  }

  /** Time passed, and of the processors: all threads of the process. */
  private static final class Timed {
    private final com.sun.management.OperatingSystemMXBean system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private final long begun = System.nanoTime();
    private final long ran = system.getProcessCpuTime();
    private double passedNs;
    private double processorNs;

    private void stop() {
      passedNs = System.nanoTime() - begun;
      processorNs = system.getProcessCpuTime() - ran;
    }
  }
}

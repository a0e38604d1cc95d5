import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.internals.Exit;

/**
 * Runs Kafka's own tools in one process: a line of standard input is a call, its parts separated by tabs, and a line of
 * standard output is what became of it: exit code, tab, what was printed, lines joined by " | ".
 * Of a part, @NODE is the broker's number and @FILE{text} a file with that text.
 */
public class KafkaTools {
    static final class Ended extends Error {}

    static String server;
    static String node;
    static Integer code;
    static ByteArrayOutputStream said;
    static String end; // what was said when the tool ended: it catches even what ends it here, and says so
    static final List<KafkaConsumer<byte[], byte[]>> members = new ArrayList<>();

    public static void main(String[] args) throws Throwable {
        server = args[0];
        Exit.Procedure exit = (c, message) -> {
            if (code == null) {
                code = c;
                end = said.toString();
            }
            throw new Ended();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        PrintStream out = System.out, err = System.err;
        InputStream in = System.in;
        BufferedReader calls = new BufferedReader(new InputStreamReader(in));
        try (Admin admin = Admin.create(config())) {
            node = admin.describeCluster().nodes().get().iterator().next().idString();
            for (String line; (line = calls.readLine()) != null; ) {
                said = new ByteArrayOutputStream();
                PrintStream to = new PrintStream(said, true);
                System.setOut(to);
                System.setErr(to);
                code = null;
                end = null;
                try {
                    call(admin, List.of(line.split("\t")), to);
                } catch (Ended e) {
                    // The code says how it ended.
                } catch (Throwable e) {
                    while ((e instanceof ExecutionException || e instanceof InvocationTargetException) && e.getCause() != null) e = e.getCause();
                    if (code == null && !(e instanceof Ended)) {
                        code = 1;
                        to.println(e);
                    }
                }
                System.setOut(out);
                System.setErr(err);
                System.setIn(in);
                out.println((code == null ? 0 : code) + "\t" + (end == null ? said.toString() : end).trim().replace("\n", " | "));
            }
        }
        Runtime.getRuntime().halt(0);
    }

    static void call(Admin admin, List<String> call, PrintStream to) throws Throwable {
        List<String> args = new ArrayList<>();
        for (String part : call.subList(1, call.size())) {
            if (part.startsWith("@FILE")) {
                Path file = Files.createTempFile("call", ".json");
                file.toFile().deleteOnExit();
                Files.writeString(file, part.substring(5).replace("@NODE", node));
                args.add(file.toString());
            } else if (part.startsWith("@IN")) {
                System.setIn(new ByteArrayInputStream(part.substring(3).replace("|", "\n").getBytes()));
            } else {
                args.add(part.replace("@NODE", node));
            }
        }
        switch (call.get(0)) {
            case "Member" -> join(args.get(0), args.get(1), args.get(2));
            case "Leave" -> { members.forEach(KafkaConsumer::close); members.clear(); }
            case "Admin" -> to.println(admin(admin, args.get(0)));
            default -> {
                int at = call.get(0).equals("ClusterTool") ? args.size() : 0;
                args.addAll(at, List.of("--bootstrap-server", server));
                Class.forName("org.apache.kafka.tools." + call.get(0)).getMethod("main", String[].class)
                    .invoke(null, (Object) args.toArray(new String[0]));
            }
        }
    }

    static Properties config(String... pairs) {
        Properties p = new Properties();
        p.put("bootstrap.servers", server);
        for (int i = 0; i < pairs.length; i += 2) p.put(pairs[i], pairs[i + 1]);
        return p;
    }

    /** A member of a group that stays until Leave. */
    static void join(String group, String protocol, String topic) {
        KafkaConsumer<byte[], byte[]> c = new KafkaConsumer<>(config("group.id", group, "group.protocol", protocol, "auto.offset.reset", "earliest"),
            new ByteArrayDeserializer(), new ByteArrayDeserializer());
        members.add(c);
        c.subscribe(List.of(topic));
        for (int i = 0; i < 300 && c.assignment().isEmpty(); i++) c.poll(Duration.ofMillis(100));
        c.assignment().forEach(c::position);
        c.commitSync();
        if (c.assignment().isEmpty()) throw new IllegalStateException("nothing was assigned");
    }

    static <T> T get(KafkaFuture<T> f) throws Exception {
        return f.get(30, TimeUnit.SECONDS);
    }

    /** What no tool asks for. */
    static Object admin(Admin a, String what) throws Throwable {
        TopicPartition t0 = new TopicPartition("t1", 0);
        switch (what) {
            case "createTopics": {
                CreateTopicsResult r = a.createTopics(List.of(new NewTopic("t4", Optional.of(2), Optional.empty()).configs(Map.of("retention.ms", "1000"))));
                return get(r.numPartitions("t4")) + " " + get(r.replicationFactor("t4")) + " " + get(r.config("t4")).get("retention.ms").source();
            }
            case "validateTopics":
                return get(a.createTopics(List.of(new NewTopic("t5", 2, (short) 1)), new CreateTopicsOptions().validateOnly(true)).numPartitions("t5"));
            case "topicsInOne": { // One good, one bad: each has its own answer.
                CreateTopicsResult r = a.createTopics(List.of(new NewTopic("t 6", 2, (short) 1), new NewTopic("t6", 1, (short) 1)));
                String good = "" + get(r.numPartitions("t6"));
                try { return get(r.numPartitions("t 6")); } catch (ExecutionException e) { return good + " " + e.getCause(); }
            }
            case "deleteById":
                return get(a.deleteTopics(TopicCollection.ofTopicIds(List.of(get(a.describeTopics(List.of("t4")).allTopicNames()).get("t4").topicId()))).all());
            case "describeById":
                return get(a.describeTopics(TopicCollection.ofTopicIds(List.of(get(a.describeTopics(List.of("t1")).allTopicNames()).get("t1").topicId()))).allTopicIds()).values().iterator().next().partitions().size();
            case "limit":
                return get(a.describeConfigs(List.of(new org.apache.kafka.common.config.ConfigResource(org.apache.kafka.common.config.ConfigResource.Type.TOPIC, "t1"))).all()).values().iterator().next().get("max.message.bytes").value();
            case "clientQuotas":
                return get(a.describeClientQuotas(ClientQuotaFilter.all()).entities());
            case "offsetsOfNobody":
                return get(a.listConsumerGroupOffsets("nobody").all());
            case "removeMembers":
                return get(a.removeMembersFromConsumerGroup("classic", new RemoveMembersFromConsumerGroupOptions()).all());
            case "moveLogDir":
                return get(a.alterReplicaLogDirs(Map.of(new TopicPartitionReplica("t1", 0, Integer.parseInt(node)), "/nowhere")).all());
            case "listOffsets":
                return get(a.listOffsets(Map.of(t0, OffsetSpec.latest()), new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).all()).containsKey(t0);
            case "transaction":
                try (Producer<byte[], byte[]> p = new KafkaProducer<>(config("transactional.id", "tx"), new ByteArraySerializer(), new ByteArraySerializer())) {
                    p.initTransactions();
                    p.beginTransaction();
                    p.send(new ProducerRecord<>("t1", 0, null, new byte[] {'x'})).get();
                    String running = get(a.describeTransactions(List.of("tx")).all()).get("tx").state().toString();
                    p.commitTransaction();
                    return running + " " + get(a.fenceProducers(List.of("tx")).all());
                }
            default:
                throw new IllegalArgumentException(what);
        }
    }
}

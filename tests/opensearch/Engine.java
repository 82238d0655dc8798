import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.GeoShapeFieldMapper;
import org.opensearch.index.mapper.Mapper;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.MapperPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/**
 * One node of OpenSearch on a free port of 127.0.0.1, for tests.
 *
 * <p>It prints {@code listening ADDRESS}, and ends when its standard input does: so it never outlives who started it. What
 * it keeps is in a temporary folder, which it removes.
 */
public final class Engine extends Node {
    private Engine(Environment environment) {
        super(environment, List.of(Netty4Plugin.class, ReindexPlugin.class, MapperExtrasPlugin.class, Shapes.class), false);
    }

    public static void main(String[] arguments) throws Exception {
        Path home = Files.createTempDirectory("opensearch-");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(home)));
        Settings.Builder settings = Settings.builder()
            .put("path.home", home.toString())
            .put("cluster.name", "tests")
            .put("node.name", "tests")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("transport.type", "netty4")
            .put("http.type", "netty4")
            // A full disk of a developer's machine is no matter of these tests.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("cluster.max_shards_per_node", 5000);
        for (String argument : arguments) {
            String[] setting = argument.split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "tests");
        Engine engine = new Engine(environment);
        engine.start();
        HttpServerTransport http = engine.injector().getInstance(HttpServerTransport.class);
        System.out.println("listening " + http.boundAddress().publishAddress());
        while (System.in.read() >= 0) {
            // Whoever started this has nothing to say but that it has ended.
        }
        engine.close();
        System.exit(0);
    }

    private static void remove(Path folder) {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The type geo_shape: in a distribution a module names it, which is not among the published jars of this line. */
    public static final class Shapes extends Plugin implements MapperPlugin {
        @Override
        public Map<String, Mapper.TypeParser> getMappers() {
            return Map.of(GeoShapeFieldMapper.CONTENT_TYPE, new GeoShapeFieldMapper.TypeParser());
        }
    }
}

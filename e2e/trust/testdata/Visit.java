import java.net.URI;

/** Gets a page and prints it. */
class Visit {
    public static void main(String[] args) throws Exception {
        try (var in = URI.create(args[0]).toURL().openStream()) {
            System.out.write(in.readAllBytes());
            System.out.flush();
        }
    }
}

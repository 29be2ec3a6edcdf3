import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/** Runs a statement and prints its rows: java Query.java URL SQL [property=value …]. Exit code 1 and the cause on failure. */
public class Query {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    for (int i = 2; i < args.length; i++) {
      int at = args[i].indexOf('=');
      properties.setProperty(args[i].substring(0, at), args[i].substring(at + 1));
    }
    try (Connection connection = DriverManager.getConnection(args[0], properties);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(args[1])) {
      int columns = rows.getMetaData().getColumnCount();
      while (rows.next()) {
        StringBuilder line = new StringBuilder();
        for (int c = 1; c <= columns; c++) {
          line.append(c > 1 ? "|" : "").append(rows.getString(c));
        }
        System.out.println(line);
      }
    } catch (Exception e) {
      for (Throwable t = e; t != null; t = t.getCause()) {
        System.err.println(t);
      }
      System.exit(1);
    }
  }
}
